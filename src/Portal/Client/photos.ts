// The photos of a couple's page: how many are chosen, more of them as one scrolls, and thumbnails as they are made.
import { text } from "./text.js";

const form = document.querySelector<HTMLFormElement>("[data-photos-form]");
const firstPauseMs = 1_000;
const longestPauseMs = 15_000;

/** A page of photos as the server draws it now. */
async function fetched(url: string): Promise<Document | null> {
  const answer = await fetch(url).catch(() => null);
  return answer?.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
}

function showChosen(): void {
  const chosen = form!.querySelectorAll("input:checked").length;
  form!.querySelector("[data-chosen]")!.textContent = chosen === 0 ? text("Watching.ChoosePhotos") : text("Watching.Chosen", String(chosen));
  for (const button of form!.querySelectorAll<HTMLButtonElement>("[data-needs]")) button.disabled = chosen === 0;
}

let isFetching = false;

async function showMore(link: HTMLAnchorElement): Promise<void> {
  if (isFetching) return;
  isFetching = true;
  const more = await fetched(link.href);
  isFetching = false;
  const photos = more?.querySelector("[data-photos]");
  if (!photos) return; // no network: the link is still there
  [...form!.querySelectorAll("[data-photos]")].at(-1)!.after(photos);
  const next = more!.querySelector<HTMLAnchorElement>("[data-more]");
  if (next) link.href = next.href;
  else link.parentElement!.remove();
  waitForThumbnails(firstPauseMs);
}

let waiting = 0;

/** Asks again, less and less often, for the pages that have thumbnails to come. */
function waitForThumbnails(pauseMs: number): void {
  clearTimeout(waiting);
  if (!form!.querySelector("[data-waiting]")) return;
  waiting = setTimeout(async () => {
    for (const page of form!.querySelectorAll<HTMLElement>("[data-photos]:has([data-waiting])")) {
      const now = await fetched(page.dataset.photos!);
      for (const item of now ? page.querySelectorAll("[data-waiting]") : []) {
        const photo = item.querySelector("input")!;
        const tile = now!.querySelector(`li:not([data-waiting]) input[value="${photo.value}"]`)?.closest("li");
        if (!tile) continue;
        tile.querySelector("input")!.checked = photo.checked;
        item.replaceWith(tile);
      }
    }
    waitForThumbnails(Math.min(longestPauseMs, pauseMs * 1.5));
  }, pauseMs);
}

if (form) {
  form.addEventListener("change", showChosen);
  addEventListener("pageshow", showChosen); // a browser that goes back has the boxes as they were
  showChosen();
  waitForThumbnails(firstPauseMs);
  const more = form.querySelector<HTMLAnchorElement>("[data-more]");
  if (more) {
    more.addEventListener("click", (event) => {
      event.preventDefault();
      void showMore(more);
    });
    new IntersectionObserver(([seen]) => {
      if (seen!.isIntersecting) void showMore(more);
    }, { rootMargin: "300px" }).observe(more);
  }
}
