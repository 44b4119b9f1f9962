import { UploadsApi, type Chunk, type ServerOptions, type Session, type UploadedFile } from "./api.js";
import { crc32Of } from "./crc32.js";
import { UploadError } from "./errors.js";
import { defaultMemory, type ResumeMemory } from "./memory.js";
import { ProgressMeter, type Progress } from "./progress.js";
import { retrying } from "./retry.js";
import { forEachParallel, Slots } from "./slots.js";

/** A browser's `File`, or in Node a `Blob` with a name (`openAsBlob`). */
export interface UploadSource extends Blob {
  readonly name: string;
  readonly lastModified?: number;
}

export interface UploadOptions extends ServerOptions {
  /** `creator`, `member` or `subscriber`. */
  userRole: string;
  userId: string;
  weddingId?: string;
  /** What the sender wants to be called. */
  guestName?: string;
  /** Type where the file does not know its own. */
  contentType?: string;
  /** Wanted size of a chunk; the server's choice where it is left out. */
  chunkSizeBytes?: number;
  /** Chunks on the way at a time; 3 by default. */
  parallel?: number;
  /** How often a request is tried before the upload fails; 10 by default. Time without a network is not counted. */
  attempts?: number;
  /** Where sessions are remembered; `localStorage` where there is one. */
  memory?: ResumeMemory;
  /** Called at most ten times a second, and at the end. */
  onProgress?: (progress: Progress) => void;
  onStateChange?: (state: UploadState) => void;
}

/** What arrived, and the token by which it can be taken back: keep it as long as that shall be possible, and show it to nobody. */
export interface SentFile extends UploadedFile {
  withdrawToken: string;
}

interface Remembered {
  idempotencyKey: string;
  withdrawToken: string;
  uploadId?: string;
}

/** Takes a file back that has arrived: the server deletes it. Safe to repeat. */
export async function withdraw(server: ServerOptions, { uploadId, withdrawToken }: Pick<SentFile, "uploadId" | "withdrawToken">): Promise<void> {
  const never = new AbortController().signal;
  await retrying(defaultAttempts, never, () => new UploadsApi(server).withdraw(uploadId, withdrawToken, never));
}

export type UploadState = "waiting" | "uploading" | "paused" | "completed" | "failed" | "aborted";

// A session that the server forgets in the middle is begun anew; a server that forgets more often has another problem.
const mostSessions = 3;

const defaultAttempts = 10;

// 32 bytes in base64url, as the server wants them.
const newToken = () =>
  btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

export const aborted = () => new UploadError("ABORTED", "The upload was aborted.");

/**
 * Uploads one file in chunks: several at a time, each with a checksum, retried with backoff. Goes on where it stopped after a pause, a lost
 * connection or a reload, if the same file is given again; a chunk sent before is only trusted if its bytes are those of the file now.
 */
export class Upload {
  readonly #api: UploadsApi;
  readonly #meter: ProgressMeter;
  readonly #memory: ResumeMemory;
  readonly #slots: Slots;
  #state: UploadState = "waiting";
  #work = new AbortController(); // of the time between two pauses
  #goOn: () => void = () => {};
  #result: Promise<SentFile> | null = null;
  #sent: SentFile | null = null;

  /** @param slots Bounds the requests of several uploads together. */
  constructor(
    readonly file: UploadSource,
    private readonly options: UploadOptions,
    slots?: Slots,
  ) {
    this.#api = new UploadsApi(options);
    this.#memory = options.memory ?? defaultMemory();
    this.#slots = slots ?? new Slots(this.#parallel);
    this.#meter = new ProgressMeter(file.size, (progress) => options.onProgress?.(progress));
  }

  get state(): UploadState {
    return this.#state;
  }

  /** The file, once it has arrived. */
  get sent(): SentFile | null {
    return this.#sent;
  }

  get progress(): Progress {
    return this.#meter.progress;
  }

  /**
   * Uploads the file, or goes on with it. Settles once it is complete, failed ({@link UploadError}) or aborted (`ABORTED`), not at a
   * pause. Calling it again while it runs returns the same promise; after a failure it tries again.
   */
  start(): Promise<SentFile> {
    if (this.#state === "paused") this.resume();
    if (this.#state === "failed" || this.#state === "aborted") this.#result = null;
    return (this.#result ??= this.#run());
  }

  /** Stops sending. Chunks on the way are sent again later. */
  pause(): void {
    if (this.#state !== "uploading") return;
    this.#become("paused");
    this.#work.abort(new UploadError("PAUSED", "The upload is paused."));
  }

  resume(): void {
    if (this.#state !== "paused") return;
    this.#work = new AbortController();
    this.#become("uploading");
    this.#goOn();
  }

  /** Gives the upload up; the server deletes what it has. A completed upload stays. */
  async abort(): Promise<void> {
    if (this.#state === "completed" || this.#state === "aborted") return;
    this.#become("aborted");
    this.#work.abort(aborted());
    this.#goOn();
    const { uploadId } = this.#remembered() ?? {};
    this.#forget();
    if (uploadId) {
      const never = new AbortController().signal;
      await retrying(this.#attempts, never, () => this.#api.abort(uploadId, never)).catch((error) => {
        if (!(error instanceof UploadError && error.isSessionGone)) throw error;
      });
    }
  }

  // A property, because the compiler does not know that the state changes during a wait.
  get #isAborted(): boolean {
    return this.#state === "aborted";
  }

  get #parallel(): number {
    return this.options.parallel ?? 3;
  }

  get #attempts(): number {
    return this.options.attempts ?? defaultAttempts;
  }

  async #run(): Promise<SentFile> {
    this.#work = new AbortController();
    this.#become("uploading");
    for (let sessions = 1; ; ) {
      try {
        const sent = await this.#transfer(this.#work.signal);
        this.#sent = sent;
        this.#become("completed");
        this.#meter.flush();
        return sent;
      } catch (error) {
        if (this.#state === "paused") await new Promise<void>((resolve) => (this.#goOn = resolve));
        if (this.#isAborted) throw aborted();
        if (!(error instanceof UploadError)) throw this.#failed(error);
        if (error.code === "PAUSED") continue;
        if (!(error.isSessionGone || error.isViewOutdated) || sessions++ === mostSessions) throw this.#failed(error);
        if (error.isSessionGone) this.#forget();
      }
    }
  }

  async #transfer(signal: AbortSignal): Promise<SentFile> {
    this.#meter.restart();
    const session = await this.#open(signal);
    const chunks = new Map(session.receivedChunks?.map((chunk) => [chunk.chunkIndex, chunk]));
    const failed = new AbortController(); // the first chunk that fails for good ends the others
    const both = AbortSignal.any([signal, failed.signal]);
    await forEachParallel(Array(session.totalChunks).keys(), this.#parallel, async (index) => {
      try {
        chunks.set(index, await this.#ensure(session, index, chunks.get(index), both));
      } catch (error) {
        failed.abort(error);
        throw error;
      }
    });
    const inOrder = [...chunks.values()].sort((a, b) => a.chunkIndex - b.chunkIndex);
    const uploaded = await this.#retried(signal, () => this.#api.complete(session.uploadId, inOrder, signal));
    return { ...uploaded, withdrawToken: this.#remembered()?.withdrawToken ?? "" };
  }

  async #open(signal: AbortSignal): Promise<Session> {
    const remembered = this.#remembered();
    if (remembered?.uploadId) {
      const { uploadId } = remembered;
      return await this.#retried(signal, () => this.#api.status(uploadId, signal));
    }

    // The key is remembered before it is used: an answer that is lost does not cost a second session.
    const { idempotencyKey, withdrawToken } = remembered ?? { idempotencyKey: crypto.randomUUID(), withdrawToken: newToken() };
    this.#remember({ idempotencyKey, withdrawToken });
    const { userRole, userId, weddingId, chunkSizeBytes, guestName } = this.options;
    const upload = {
      fileName: this.file.name,
      contentType: this.file.type || this.options.contentType || "application/octet-stream",
      sizeBytes: this.file.size,
      userRole,
      userId,
      withdrawToken,
      ...(guestName === undefined ? {} : { guestName }),
      ...(weddingId === undefined ? {} : { weddingId }),
      ...(chunkSizeBytes === undefined ? {} : { chunkSizeBytes }),
    };
    const session = await this.#retried(signal, () => this.#api.initiate(upload, idempotencyKey, signal));
    this.#remember({ idempotencyKey, withdrawToken, uploadId: session.uploadId });
    return session;
  }

  async #ensure(session: Session, index: number, received: Chunk | undefined, signal: AbortSignal): Promise<Chunk> {
    const start = index * session.chunkSizeBytes;
    const body = this.file.slice(start, start + session.chunkSizeBytes);
    const crc32 = await this.#checksum(body, signal);
    const chunk =
      received?.crc32 === crc32
        ? received
        : await this.#retried(signal, () => {
            this.#meter.sending(index, 0);
            return this.#api.putChunk(session.uploadId, index, body, crc32, signal, (bytes) => this.#meter.sending(index, bytes));
          });
    this.#meter.safe(index, body.size);
    return chunk;
  }

  async #checksum(body: Blob, signal: AbortSignal): Promise<string> {
    try {
      return await crc32Of(body, signal);
    } catch (cause) {
      signal.throwIfAborted();
      throw new UploadError("FILE_UNREADABLE", `${this.file.name} cannot be read any more. Choose it again.`, 0, null, { cause });
    }
  }

  #retried<T>(signal: AbortSignal, request: () => Promise<T>): Promise<T> {
    return retrying(this.#attempts, signal, () => this.#slots.use(request));
  }

  // The same file for the same wedding, as far as a browser lets us know.
  get #memoryKey(): string {
    const { endpoint = "", userId, weddingId = "" } = this.options;
    return `upload:${[endpoint, userId, weddingId, this.file.name, this.file.size, this.file.lastModified ?? 0].join("|")}`;
  }

  #remember(session: Remembered): void {
    this.#memory.save(this.#memoryKey, JSON.stringify(session));
  }

  #remembered(): Remembered | null {
    const value = this.#memory.load(this.#memoryKey);
    return value === null ? null : JSON.parse(value);
  }

  #forget(): void {
    this.#memory.forget(this.#memoryKey);
  }

  #failed(error: unknown): unknown {
    this.#become("failed");
    return error;
  }

  #become(state: UploadState): void {
    this.#state = state;
    this.options.onStateChange?.(state);
  }
}
