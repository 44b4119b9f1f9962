import type { Progress } from "./progress.js";
import { forEachParallel, Slots } from "./slots.js";
import { aborted, Upload, type SentFile, type UploadOptions, type UploadSource } from "./upload.js";

export interface QueueOptions extends Omit<UploadOptions, "onProgress" | "onStateChange"> {
  /** Called at most ten times a second for each file that moves. */
  onProgress?: (queue: UploadQueue, upload: Upload) => void;
  onStateChange?: (queue: UploadQueue, upload: Upload) => void;
}

export type Outcome = { upload: Upload; file: SentFile } | { upload: Upload; error: unknown };

/** Uploads many files with few requests at a time: small files side by side, large ones by several chunks. */
export class UploadQueue {
  readonly uploads: readonly Upload[];

  constructor(
    files: Iterable<UploadSource>,
    private readonly options: QueueOptions,
  ) {
    const slots = new Slots(this.#parallel);
    const { onProgress, onStateChange, ...rest } = options;
    this.uploads = Array.from(files, (file) => {
      const upload: Upload = new Upload(
        file,
        { ...rest, onProgress: () => onProgress?.(this, upload), onStateChange: () => onStateChange?.(this, upload) },
        slots,
      );
      return upload;
    });
  }

  /** Of all files together. */
  get progress(): Progress {
    const sum = { sentBytes: 0, totalBytes: 0, bytesPerSecond: 0 };
    for (const { progress, state } of this.uploads) {
      sum.sentBytes += progress.sentBytes;
      sum.totalBytes += progress.totalBytes;
      sum.bytesPerSecond += state === "uploading" ? (progress.bytesPerSecond ?? 0) : 0;
    }
    const rate = sum.bytesPerSecond || null;
    return { ...sum, bytesPerSecond: rate, secondsLeft: rate && (sum.totalBytes - sum.sentBytes) / rate };
  }

  /** Uploads all files. One that fails does not keep the others; the outcomes tell. Calling it again tries those that failed, but none that was aborted. */
  async start(): Promise<Outcome[]> {
    const outcomes = new Map<Upload, Outcome>();
    await forEachParallel(this.uploads, this.#parallel, async (upload) => {
      try {
        if (upload.state === "aborted") throw aborted(); // before its turn
        outcomes.set(upload, { upload, file: await upload.start() });
      } catch (error) {
        outcomes.set(upload, { upload, error });
      }
    });
    return this.uploads.map((upload) => outcomes.get(upload)!);
  }

  pause(): void {
    for (const upload of this.uploads) upload.pause();
  }

  resume(): void {
    for (const upload of this.uploads) upload.resume();
  }

  get #parallel(): number {
    return this.options.parallel ?? 3;
  }
}
