// The guest page: picks files, uploads them side by side in resumable chunks, and shows how far each and all are. A phone that sleeps or loses its
// network goes on by itself; after a reload the same files are chosen again and go on where they stopped.
import { UploadError, UploadQueue, type Progress, type Upload } from "../../../clients/upload/src/index.js";
import { byteText, timeLeft } from "./text.js";

interface Remembered {
  name: string;
  size: number;
  modified: number;
}

const page = document.querySelector<HTMLElement>("[data-guest]")!;
const { wedding: weddingId = "", token = "" } = page.dataset;
const find = <T extends HTMLElement>(name: string) => page.querySelector<T>(`[data-${name}]`)!;
const [input, all, allText, list, notice] = [
  find<HTMLInputElement>("files"), find<HTMLProgressElement>("all"), find("all-text"), find("list"), find("notice"),
];

const memory = `guest:${weddingId}`;
const remembered = <T>(key: string, otherwise: T): T => JSON.parse(localStorage.getItem(`${memory}:${key}`) ?? "null") ?? otherwise;
const remember = (key: string, value: unknown) => localStorage.setItem(`${memory}:${key}`, JSON.stringify(value));
const keyOf = ({ name, size, modified }: Remembered) => `${name}|${size}|${modified}`;
const asRemembered = (file: File): Remembered => ({ name: file.name, size: file.size, modified: file.lastModified });

const userId = remembered("user", `guest-${crypto.randomUUID().slice(0, 8)}`);
remember("user", userId);
const arrived = new Map(remembered<Remembered[]>("arrived", []).map((file) => [keyOf(file), file]));
const unfinished = new Map(remembered<Remembered[]>("unfinished", []).map((file) => [keyOf(file), file]));

const rows = new Map<string, Row>();
const queues: UploadQueue[] = [];
let work: Promise<unknown> = Promise.resolve();
let frame = 0;

/** One file in the list. */
class Row {
  readonly #bar = document.createElement("progress");
  readonly #state = document.createElement("span");
  readonly #stop = document.createElement("button");

  constructor(readonly file: Remembered, onStop?: () => void) {
    const [item, name] = [document.createElement("li"), document.createElement("span")];
    name.textContent = file.name;
    name.className = "name";
    this.#state.className = "note";
    this.#bar.max = Math.max(file.size, 1);
    this.#bar.value = 0;
    this.#bar.setAttribute("aria-label", file.name);
    this.#stop.type = "button";
    this.#stop.textContent = "Take back";
    this.#stop.setAttribute("aria-label", `Take back ${file.name}`);
    this.#stop.onclick = () => {
      onStop?.();
      item.remove();
    };
    item.append(name, this.#state, this.#bar, ...(onStop ? [this.#stop] : []));
    list.append(item);
    rows.set(keyOf(file), this);
  }

  show({ sentBytes, bytesPerSecond, secondsLeft }: Progress): void {
    this.#bar.value = sentBytes;
    this.#state.textContent = bytesPerSecond ? `${byteText(bytesPerSecond)}/s, ${timeLeft(secondsLeft ?? 0)} left` : "";
  }

  end(text: string, good: boolean): void {
    this.#bar.hidden = good;
    this.#stop.hidden = good;
    this.#state.textContent = text;
    this.#state.classList.toggle("bad", !good);
  }
}

function add(files: File[]): void {
  const chosen = new Map(files.map((file) => [keyOf(asRemembered(file)), file]));
  const fresh = [...chosen].filter(([key]) => !arrived.has(key) && !rows.has(key));
  const known = files.length - fresh.length;
  notice.textContent = known === 0 ? "" : known === 1 ? "One of them is here already." : `${known} of them are here already.`;
  if (fresh.length === 0) return;
  const queue = new UploadQueue(fresh.map(([, file]) => file), {
    userRole: "subscriber",
    userId,
    weddingId,
    headers: { Authorization: `Bearer ${token}` },
    onProgress: (_, upload) => showSoon(upload),
    onStateChange: (_, upload) => showState(upload),
  });
  queues.push(queue);
  for (const upload of queue.uploads) {
    const file = asRemembered(upload.file as File);
    unfinished.set(keyOf(file), file);
    new Row(file, () => void takeBack(upload, file));
  }
  save();
  work = work.then(async () => {
    const lock = await navigator.wakeLock?.request("screen").catch(() => null); // a phone that sleeps pauses the page
    const outcomes = await queue.start();
    for (const outcome of outcomes) if ("error" in outcome) showFailure(outcome.upload, outcome.error);
    await lock?.release();
    showAll();
  });
  showAll();
}

async function takeBack(upload: Upload, file: Remembered): Promise<void> {
  unfinished.delete(keyOf(file));
  rows.delete(keyOf(file));
  save();
  await upload.abort();
  showAll();
}

function showState(upload: Upload): void {
  if (upload.state !== "completed") return;
  const file = asRemembered(upload.file as File);
  unfinished.delete(keyOf(file));
  arrived.set(keyOf(file), file);
  save();
  rows.get(keyOf(file))?.end(`${byteText(file.size)}, arrived`, true);
  showSoon(upload);
}

function showFailure(upload: Upload, error: unknown): void {
  if (upload.state === "aborted") return;
  const refused = error instanceof UploadError && error.status >= 400 && error.status < 500;
  rows.get(keyOf(asRemembered(upload.file as File)))?.end(
    refused ? error.message : "It did not get through. Choose it again, and it goes on where it stopped.", false);
  if (refused) {
    unfinished.delete(keyOf(asRemembered(upload.file as File)));
    save();
  }
}

// Hundreds of files report ten times a second each; the screen changes once for all of them.
function showSoon(upload: Upload): void {
  if (upload.state === "uploading") rows.get(keyOf(asRemembered(upload.file as File)))?.show(upload.progress);
  frame ||= setTimeout(() => {
    frame = 0;
    showAll();
  }, 100);
}

function showAll(): void {
  const uploads = queues.flatMap((queue) => queue.uploads).filter((upload) => upload.state !== "aborted");
  all.hidden = uploads.length === 0;
  if (uploads.length === 0) {
    const count = arrived.size;
    allText.textContent = count === 0 ? "" : count === 1 ? "One file of yours has arrived." : `${count} files of yours have arrived.`;
    return;
  }
  const sum = (of: (progress: Progress) => number) => uploads.reduce((total, { progress }) => total + of(progress), 0);
  const [sent, total] = [sum((progress) => progress.sentBytes), sum((progress) => progress.totalBytes)];
  const rate = uploads.reduce((bytes, { state, progress }) => bytes + (state === "uploading" ? (progress.bytesPerSecond ?? 0) : 0), 0);
  const done = uploads.filter(({ state }) => state === "completed").length;
  all.max = Math.max(total, 1);
  all.value = sent;
  allText.textContent = done === uploads.length
    ? `${done === 1 ? "Your file has" : `All ${done} files have`} arrived. Thank you!`
    : [`${done} of ${uploads.length} files`, ...(rate ? [`${byteText(rate)}/s`, `${timeLeft((total - sent) / rate)} left`] : [])].join(" · ");
}

function save(): void {
  remember("arrived", [...arrived.values()]);
  remember("unfinished", [...unfinished.values()]);
}

input.addEventListener("change", () => {
  add([...input.files!]);
  input.value = ""; // the same files can be chosen again
});
page.addEventListener("dragover", (event) => event.preventDefault());
page.addEventListener("drop", (event) => {
  event.preventDefault();
  add([...(event.dataTransfer?.files ?? [])]);
});
window.addEventListener("beforeunload", (event) => {
  if (queues.some(({ uploads }) => uploads.some(({ state }) => state === "uploading"))) event.preventDefault();
});

for (const file of arrived.values()) new Row(file).end(`${byteText(file.size)}, arrived`, true);
if (unfinished.size > 0) {
  const names = [...unfinished.values()].slice(0, 3).map(({ name }) => name).join(", ");
  notice.textContent = `Not finished yet: ${names}${unfinished.size > 3 ? ` and ${unfinished.size - 3} more` : ""}. Choose the same files again and they go on where they stopped.`;
}
showAll();
page.dataset.live = "";
