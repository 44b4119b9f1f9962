// The guest page: picks files, uploads them side by side in resumable chunks, and shows how far each and all are. A phone that sleeps or loses its
// network goes on by itself, and so does a page that was reloaded; only files that could not be kept are chosen again, and go on where they stopped.
// What was sent from this browser can be taken back from it.
import { UploadError, UploadQueue, withdraw, type Progress, type Upload } from "../../../clients/upload/src/index.js";
import { KeptFiles } from "./kept.js";
import { asKnown, keyOf, Memory, type Arrived, type Known } from "./memory.js";
import { Row } from "./row.js";
import { byteText, countText, refusalText, text, timeLeft } from "./text.js";
import { awake, inTurn } from "./turn.js";

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
const kept = new KeptFiles(weddingId);
const rows = new Map<string, Row>();
const queues: UploadQueue[] = [];
const settled = new Set<Upload>(); // taken back, or tried anew: they no longer count
const otherTabs = new BroadcastChannel(`guest:${weddingId}`); // hears what is taken back
const fileOf = (upload: Upload) => asKnown(upload.file as File);
const uploadsOf = (file: Known) => queues.flatMap(({ uploads }) => uploads).filter((upload) => keyOf(fileOf(upload)) === keyOf(file));
const copies = new Set<string>(); // sent in place of their originals
let work: Promise<unknown> = Promise.resolve();
let frame = 0;

async function add(files: File[]): Promise<void> {
  const chosen = new Map<string, File>();
  for (const file of files) {
    if (await memory.has(file)) kept.drop(asKnown(file));
    else chosen.set(keyOf(asKnown(file)), file);
  }
  const fresh = [...chosen].filter(([key]) => rows.get(key)?.hasFailed ?? true).map(([, file]) => file);
  const known = files.length - fresh.length;
  notice.textContent = known === 0 ? "" : countText("Sending.Known", known);
  if (fresh.length === 0) return;
  for (const { name, size } of fresh) forgetFailed(name, size);
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
  memory.change(() => fresh.map(asKnown).forEach((file) => unfinished.set(keyOf(file), file)));
  for (const upload of queue.uploads) {
    const file = fileOf(upload);
    newRow(file).onTakeBack(() => void stop(upload, file));
  }
  work = work.then(() => send(queue));
  kept.keep(fresh);
  showAll();
}

async function send(queue: UploadQueue): Promise<void> {
  const outcomes = await inTurn(`guest:${weddingId}`, {
    start: () => awake(() => queue.start()),
    pause() {
      queue.pause();
      notice.textContent = text("Sending.Elsewhere");
    },
    resume() {
      notice.textContent = "";
      queue.resume();
    },
  });
  for (const outcome of outcomes) if ("error" in outcome) showFailure(outcome.upload, outcome.error);
  showAll();
}

/** Goes on with what was kept when the page was left, and asks for the rest. */
async function goOn(): Promise<void> {
  const restored = await kept.restore();
  if (restored.length > 0) await add(restored); // nothing restored says nothing of what was chosen meanwhile
  const names = [...unfinished].filter(([key]) => !rows.has(key)).map(([, { name }]) => name);
  const first = names.slice(0, 3).join(", ");
  if (names.length > 0) notice.textContent = names.length > 3 ? text("Sending.UnfinishedMore", first, String(names.length - 3)) : text("Sending.Unfinished", first);
}

function newRow(file: Known): Row {
  const row = new Row(list, file.name, file.size);
  rows.set(keyOf(file), row);
  return row;
}

async function stop(upload: Upload, file: Known): Promise<void> {
  forget(file);
  otherTabs.postMessage(file);
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
  otherTabs.postMessage(file);
  settle(file);
  notice.textContent = text("Sending.TakenBack", file.name);
  showAll();
}

function forget(file: Known): void {
  rows.get(keyOf(file))?.remove();
  rows.delete(keyOf(file));
  kept.drop(file);
  memory.change(() => {
    unfinished.delete(keyOf(file));
    arrived.delete(keyOf(file));
  });
}

/** Phones hand out a file that is chosen again as another one, of another time. */
function forgetFailed(name: string, size: number): void {
  for (const { uploads } of queues) {
    for (const upload of uploads) {
      if (upload.state !== "failed" || upload.file.name !== name || upload.file.size !== size || settled.has(upload)) continue;
      settled.add(upload);
      forget(fileOf(upload));
    }
  }
}

function settle(file: Known): void {
  for (const upload of uploadsOf(file)) settled.add(upload);
}

function showArrived(row: Row, file: Arrived): void {
  row.arrived(file.size);
  row.onTakeBack(file.uploadId && file.withdrawToken ? () => askToTakeBack(file) : null);
}

function showState(upload: Upload): void {
  if (upload.state !== "completed") return;
  const { uploadId, withdrawToken, crc32 } = upload.sent!;
  const file: Arrived = { ...fileOf(upload), uploadId, withdrawToken, crc32 };
  kept.drop(file);
  memory.change(() => {
    unfinished.delete(keyOf(file));
    arrived.set(keyOf(file), file);
  });
  const row = rows.get(keyOf(file));
  if (row) showArrived(row, file);
  showSoon(upload);
}

function showFailure(upload: Upload, error: unknown): void {
  if (upload.state === "aborted") return;
  const file = fileOf(upload);
  const refused = error instanceof UploadError && error.status >= 400 && error.status < 500;
  const unreadable = error instanceof UploadError && error.code === "FILE_UNREADABLE";
  rows.get(keyOf(file))?.failed(refused ? refusalText(error.code, error.message) : text(unreadable ? "Sending.Unreadable" : "Sending.Failed"));
  if (unreadable) void sendCopy(file);
  if (!refused) return;
  kept.drop(file);
  memory.change(() => unfinished.delete(keyOf(file)));
}

/** Phones clear away what they handed to a page; the copy that was kept is tried once. */
async function sendCopy(file: Known): Promise<void> {
  const copy = copies.has(keyOf(file)) ? null : await kept.copyOf(file);
  copies.add(keyOf(file));
  if (copy) await add([copy]);
  else kept.drop(file);
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
  const uploads = queues.flatMap((queue) => queue.uploads).filter((upload) => upload.state !== "aborted" && !settled.has(upload));
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
otherTabs.onmessage = ({ data: file }: MessageEvent<Known>) => {
  for (const upload of uploadsOf(file)) void upload.abort();
  forget(file);
  settle(file);
  showAll();
};
window.addEventListener("beforeunload", (event) => {
  if (queues.some(({ uploads }) => uploads.some(({ state }) => state === "uploading"))) event.preventDefault();
});

for (const file of arrived.values()) showArrived(newRow(file), file);
showAll();
page.dataset.live = "";
void goOn();
