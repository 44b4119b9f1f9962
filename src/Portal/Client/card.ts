// The buttons under a code for guests. Delegated: an admin page renders its elements anew whenever it likes.
document.addEventListener("click", async ({ target }) => {
  const button = target instanceof Element ? target.closest<HTMLButtonElement>("[data-copies], [data-prints]") : null;
  if (!button) return;
  if (button.dataset.copies === undefined) {
    print();
  } else {
    await navigator.clipboard.writeText(button.dataset.copies);
    button.textContent = button.dataset.copied!;
  }
});
