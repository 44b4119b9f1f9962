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

// On a phone the way around is a strip that is longer than the screen: the page one is on is brought into sight. The server renders the links.
let shown: Element | null = null;
function showActive(): void {
  const active = document.querySelector(".side a.active");
  if (active !== shown) active?.scrollIntoView({ inline: "center", block: "nearest" });
  shown = active;
}
new MutationObserver(showActive).observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-current"] });
showActive();
