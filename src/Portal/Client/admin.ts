import "./card.js";

// Dialogs of admin pages: `<button data-opens="id">` shows `<dialog id>` as a modal one, which traps the focus; a button of a form with
// method=dialog closes it. Delegated, because the server renders the elements anew whenever it likes.
document.addEventListener("click", ({ target }) => {
  if (!(target instanceof Element)) return;
  const opener = target.closest("[data-opens]");
  const dialog = opener && document.getElementById(opener.getAttribute("data-opens")!);
  if (dialog instanceof HTMLDialogElement) dialog.showModal();
  if (target.closest("[data-closes]")) target.closest("dialog")?.close();
});
