// The couple's page: follows the album while it is packed, and asks the server for the page anew once its state is another.
import "./card.js";
import "./photos.js";
import { byteText, text, timeLeft } from "./text.js";

interface Album {
  status: string;
  bytes: { total: number; done: number };
  secondsLeft: number | null;
  downloadUrl: string | null;
}

const retryMs = 2_000;
const page = document.querySelector<HTMLElement>("[data-couple]")!;
const { progress: progressUrl, status: shown } = page.dataset;
const bar = page.querySelector<HTMLProgressElement>("[data-bar]");
const state = page.querySelector<HTMLElement>("[data-text]");

function show(album: Album): void {
  if (album.status !== shown) {
    location.reload();
    return;
  }
  if (!bar || !state || album.bytes.total === 0) return;
  bar.max = album.bytes.total;
  bar.value = album.bytes.done;
  const percent = Math.floor((100 * album.bytes.done) / album.bytes.total);
  state.textContent = [
    text("Watching.Packed", String(percent), byteText(album.bytes.total)),
    ...(album.secondsLeft === null ? [] : [timeLeft(album.secondsLeft)]),
  ].join(" · ");
}

if (progressUrl && bar) {
  const events = new EventSource(progressUrl);
  events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
  // A server that is restarted is back in a moment; EventSource gives up where it answers with an error.
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), retryMs);
  };
}

page.dataset.live = "";
