// The guest page: picks files, uploads them side by side in resumable chunks, and shows how far each and all are. A phone that sleeps or loses its
// network goes on by itself; after a reload the same files are chosen again and go on where they stopped. What was sent from this browser can be
// taken back from it.
import { UploadError, UploadQueue, withdraw, type Progress, type Upload } from "../../../clients/upload/src/index.js";
import { asKnown, keyOf, Memory, type Arrived, type Known } from "./memory.js";
import { Row } from "./row.js";
import { byteText, countText, refusalText, text, timeLeft } from "./text.js";

const page = document.querySelector<HTMLElement>("[data-guest]")!;
const { wedding: weddingId = "", token = "" } = page.dataset;
const find = <T extends HTMLElement>(name: string) => page.querySelector<T>(`[data-${name}]`)!;
const [input, guestName, all, allText, list, notice, dialog, question] = [
  find<HTMLInputElement>("files"), find<HTMLInputElement>("name"), find<HTMLProgressElement>("all"), find("all-text"), find("list"), find("notice"),
  find<HTMLDialogElement>("sure"), find("question"),
];

const server = { headers: { Authorization: `Bearer ${token}` } };
const memory = new Memory(weddingId);
const { arrived, unfinished } = memory;
const rows = new Map<string, Row>();
const queues: UploadQueue[] = [];
const takenBack = new Set<Upload>();
const fileOf = (upload: Upload) => asKnown(upload.file as File);
let work: Promise<unknown> = Promise.resolve();
let frame = 0;

async function add(files: File[]): Promise<void> {
  const chosen = new Map(files.map((file) => [keyOf(asKnown(file)), file]));
  const fresh: File[] = [];
  for (const [key, file] of chosen) if ((rows.get(key)?.hasFailed ?? true) && !(await memory.has(file))) fresh.push(file);
  const known = files.length - fresh.length;
  notice.textContent = known === 0 ? "" : countText("Sending.Known", known);
  if (fresh.length === 0) return;
  const queue = new UploadQueue(fresh, {
    ...server,
    userRole: "subscriber",
    userId: memory.userId,
    weddingId,
    ...(memory.name ? { guestName: memory.name } : {}),
    onProgress: (_, upload) => showSoon(upload),
    onStateChange: (_, upload) => showState(upload),
  });
  queues.push(queue);
  for (const upload of queue.uploads) {
    const file = fileOf(upload);
    unfinished.set(keyOf(file), file);
    newRow(file).onTakeBack(() => void stop(upload, file));
  }
  memory.save();
  work = work.then(async () => {
    const lock = await navigator.wakeLock?.request("screen").catch(() => null); // a phone that sleeps pauses the page
    const outcomes = await queue.start();
    for (const outcome of outcomes) if ("error" in outcome) showFailure(outcome.upload, outcome.error);
    await lock?.release();
    showAll();
  });
  showAll();
}

function newRow(file: Known): Row {
  rows.get(keyOf(file))?.remove(); // that of the attempt that failed
  const row = new Row(list, file.name, file.size);
  rows.set(keyOf(file), row);
  return row;
}

async function stop(upload: Upload, file: Known): Promise<void> {
  forget(file);
  await upload.abort();
  showAll();
}

/** Only what this browser sent, and has the token of. */
function askToTakeBack(file: Arrived): void {
  question.textContent = text("Sending.TakeBackQuestion", file.name);
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "yes") void takeBack(file);
  };
  dialog.showModal();
}

async function takeBack(file: Arrived): Promise<void> {
  try {
    await withdraw(server, { uploadId: file.uploadId!, withdrawToken: file.withdrawToken! });
  } catch (error) {
    if (!(error instanceof UploadError)) throw error;
    rows.get(keyOf(file))?.failed(error.status === 0 ? text("Sending.NoNetwork") : refusalText(error.code, error.message));
    return;
  }
  forget(file);
  for (const { uploads } of queues) for (const upload of uploads) if (keyOf(fileOf(upload)) === keyOf(file)) takenBack.add(upload);
  notice.textContent = text("Sending.TakenBack", file.name);
  showAll();
}

function forget(file: Known): void {
  rows.get(keyOf(file))?.remove();
  rows.delete(keyOf(file));
  unfinished.delete(keyOf(file));
  arrived.delete(keyOf(file));
  memory.save();
}

function showArrived(row: Row, file: Arrived): void {
  row.arrived(file.size);
  row.onTakeBack(file.uploadId && file.withdrawToken ? () => askToTakeBack(file) : null);
}

function showState(upload: Upload): void {
  if (upload.state !== "completed") return;
  const { uploadId, withdrawToken, crc32 } = upload.sent!;
  const file: Arrived = { ...fileOf(upload), uploadId, withdrawToken, crc32 };
  unfinished.delete(keyOf(file));
  arrived.set(keyOf(file), file);
  memory.save();
  const row = rows.get(keyOf(file));
  if (row) showArrived(row, file);
  showSoon(upload);
}

function showFailure(upload: Upload, error: unknown): void {
  if (upload.state === "aborted") return;
  const file = fileOf(upload);
  const refused = error instanceof UploadError && error.status >= 400 && error.status < 500;
  rows.get(keyOf(file))?.failed(refused ? refusalText(error.code, error.message) : text("Sending.Failed"));
  if (refused) {
    unfinished.delete(keyOf(file));
    memory.save();
  }
}

// Hundreds of files report ten times a second each; the screen changes once for all of them.
function showSoon(upload: Upload): void {
  if (upload.state === "uploading") rows.get(keyOf(fileOf(upload)))?.show(upload.progress);
  frame ||= setTimeout(() => {
    frame = 0;
    showAll();
  }, 100);
}

function showAll(): void {
  const uploads = queues.flatMap((queue) => queue.uploads).filter((upload) => upload.state !== "aborted" && !takenBack.has(upload));
  all.hidden = uploads.length === 0;
  if (uploads.length === 0) {
    allText.textContent = arrived.size === 0 ? "" : countText("Sending.Arrived", arrived.size);
    return;
  }
  const sum = (of: (progress: Progress) => number) => uploads.reduce((total, { progress }) => total + of(progress), 0);
  const [sent, total] = [sum((progress) => progress.sentBytes), sum((progress) => progress.totalBytes)];
  const rate = uploads.reduce((bytes, { state, progress }) => bytes + (state === "uploading" ? (progress.bytesPerSecond ?? 0) : 0), 0);
  const done = uploads.filter(({ state }) => state === "completed").length;
  all.max = Math.max(total, 1);
  all.value = sent;
  allText.textContent = done === uploads.length
    ? countText("Sending.AllArrived", done)
    : [text("Sending.Sent", String(done), String(uploads.length)), ...(rate ? [`${byteText(rate)}/s`, timeLeft((total - sent) / rate)] : [])].join(" · ");
}

input.addEventListener("change", () => {
  void add([...input.files!]);
  input.value = ""; // the same files can be chosen again
});
guestName.value = memory.name;
guestName.addEventListener("input", () => {
  memory.name = guestName.value.trim();
});
page.addEventListener("dragover", (event) => event.preventDefault());
page.addEventListener("drop", (event) => {
  event.preventDefault();
  void add([...(event.dataTransfer?.files ?? [])]);
});
window.addEventListener("beforeunload", (event) => {
  if (queues.some(({ uploads }) => uploads.some(({ state }) => state === "uploading"))) event.preventDefault();
});

for (const file of arrived.values()) showArrived(newRow(file), file);
if (unfinished.size > 0) {
  const names = [...unfinished.values()].slice(0, 3).map(({ name }) => name).join(", ");
  notice.textContent = unfinished.size > 3 ? text("Sending.UnfinishedMore", names, String(unfinished.size - 3)) : text("Sending.Unfinished", names);
}
showAll();
page.dataset.live = "";
