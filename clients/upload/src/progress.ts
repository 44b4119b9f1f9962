/** How far an upload, or several, have come. */
export interface Progress {
  /** Acknowledged by the server, or on the way to it. */
  sentBytes: number;
  totalBytes: number;
  /** Over the last ten seconds; `null` at first. */
  bytesPerSecond: number | null;
  secondsLeft: number | null;
}

const windowMs = 10_000;
const reportMs = 100;

/** Counts bytes and reports at most ten times a second. */
export class ProgressMeter {
  readonly #samples: { at: number; bytes: number }[] = [];
  readonly #onTheWay = new Map<number, number>();
  #safeBytes = 0;
  #sentNow = 0; // what went over the network in this session; bytes found on the server say nothing of the rate
  #lastReportAt = -Infinity;

  constructor(
    private readonly totalBytes: number,
    private readonly report: (progress: Progress) => void,
  ) {}

  get progress(): Progress {
    let onTheWay = 0;
    for (const bytes of this.#onTheWay.values()) onTheWay += bytes;
    const sentBytes = Math.min(this.totalBytes, this.#safeBytes + onTheWay);
    const rate = this.#rate();
    return {
      sentBytes,
      totalBytes: this.totalBytes,
      bytesPerSecond: rate,
      secondsLeft: rate ? (this.totalBytes - sentBytes) / rate : null,
    };
  }

  /** A chunk's request has sent so many bytes; 0 where it begins again. */
  sending(chunk: number, bytes: number): void {
    this.#sentNow += Math.max(0, bytes - (this.#onTheWay.get(chunk) ?? 0));
    this.#onTheWay.set(chunk, bytes);
    this.#tick();
  }

  /** The server has the chunk. */
  safe(chunk: number, sizeBytes: number): void {
    this.#onTheWay.delete(chunk);
    this.#safeBytes += sizeBytes;
    this.#tick();
  }

  /** All is counted anew: the session is opened, or opened again. */
  restart(): void {
    this.#safeBytes = 0;
    this.#onTheWay.clear();
    this.#samples.length = 0;
  }

  /** Reports now, whenever the last report was. */
  flush(): void {
    this.#lastReportAt = performance.now();
    this.report(this.progress);
  }

  #tick(): void {
    const now = performance.now();
    if (now - this.#lastReportAt < reportMs) return;
    this.#samples.push({ at: now, bytes: this.#sentNow });
    while (this.#samples.length > 2 && now - this.#samples[0]!.at > windowMs) this.#samples.shift();
    this.flush();
  }

  #rate(): number | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    return first && last && last.at > first.at && last.bytes > first.bytes
      ? ((last.bytes - first.bytes) * 1000) / (last.at - first.at)
      : null;
  }
}
