// Files that are not finished, kept in IndexedDB: a page that was reloaded, or thrown away by its phone, goes on by itself.
//
// Database "guest", store "files": { key: "{wedding}|{file}", wedding, file, keptAt }. Browsers copy the bytes of a File that they keep, which costs
// disk: so long films are left out, and each goes as soon as it has arrived. A comfort and never a need: where it fails, files are sent without it.
import { asKnown, keyOf, type Known } from "./memory.js";

interface Kept {
  key: string;
  wedding: string;
  file: File;
  keptAt: number;
}

const mostBytesOfOne = 64_000_000; // any photo, and half a minute of film
const mostBytes = 500_000_000;
const mostOfTheRest = 0.1; // of what the browser would grant: it counts on a disk that may be full
const longestMs = 3 * 24 * 3_600_000; // the phone may be somebody else's

export class KeptFiles {
  readonly #database = opened();
  readonly #waiting = new Map<string, File>();
  readonly #sizes = new Map<string, number>(); // of those kept
  #isKeeping = false;

  constructor(private readonly weddingId: string) {}

  /** Those of this wedding, as they were chosen. Those of any wedding that have lain too long are deleted. */
  async restore(): Promise<File[]> {
    const all = (await this.#ask("readonly", (files): IDBRequest<Kept[]> => files.getAll())) ?? [];
    const oldest = Date.now() - longestMs;
    for (const { key, keptAt, file } of all) {
      if (keptAt < oldest) this.#delete(key);
      else this.#sizes.set(key, file.size);
    }
    return all
      .filter(({ wedding, keptAt }) => wedding === this.weddingId && keptAt >= oldest)
      .sort((one, other) => one.keptAt - other.keptAt)
      .map(({ file }) => file);
  }

  /** As it was when it was chosen, whatever became of the original. */
  async copyOf(file: Known): Promise<File | null> {
    const kept = await this.#ask("readonly", (files): IDBRequest<Kept | undefined> => files.get(this.#keyOf(file)));
    return kept?.file ?? null;
  }

  /** Keeps them one after another beside the sending, as far as there is room. One that arrives before its turn is never kept. */
  keep(files: File[]): void {
    for (const file of files) {
      const key = this.#keyOf(asKnown(file));
      if (file.size <= mostBytesOfOne && !this.#sizes.has(key)) this.#waiting.set(key, file);
    }
    void this.#keepWaiting();
  }

  /** It has arrived, or nobody wants it any more. */
  drop(file: Known): void {
    const key = this.#keyOf(file);
    this.#waiting.delete(key);
    if (!this.#sizes.delete(key)) return;
    this.#delete(key);
    void this.#keepWaiting();
  }

  async #keepWaiting(): Promise<void> {
    if (this.#isKeeping || this.#waiting.size === 0) return;
    this.#isKeeping = true;
    const most = await room();
    for (const [key, file] of this.#waiting) {
      if (this.#bytes + file.size > most) continue; // until others have arrived
      this.#waiting.delete(key);
      this.#sizes.set(key, file.size);
      const kept: Kept = { key, wedding: this.weddingId, file, keptAt: Date.now() };
      if ((await this.#ask("readwrite", (files) => files.put(kept))) === null) {
        this.#sizes.delete(key);
        this.#waiting.clear(); // as a rule the disk is full, or the browser keeps no files
      }
    }
    this.#isKeeping = false;
  }

  get #bytes(): number {
    return [...this.#sizes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #keyOf(file: Known): string {
    return `${this.weddingId}|${keyOf(file)}`;
  }

  #delete(key: string): void {
    void this.#ask("readwrite", (files) => files.delete(key));
  }

  /** Requests take effect in the order of asking. `null` for one that failed. */
  async #ask<T>(mode: IDBTransactionMode, request: (files: IDBObjectStore) => IDBRequest<T>): Promise<T | null> {
    const database = await this.#database;
    return new Promise((resolve) => {
      try {
        const transaction = database!.transaction("files", mode);
        const asked = request(transaction.objectStore("files"));
        transaction.oncomplete = () => resolve(asked.result);
        transaction.onabort = () => resolve(null);
      } catch {
        resolve(null); // no database, or one that the browser closed
      }
    });
  }
}

// Private windows may have no database, or refuse to open it.
function opened(): Promise<IDBDatabase | null> {
  return new Promise((resolve) => {
    try {
      const request = indexedDB.open("guest", 1);
      request.onupgradeneeded = () => request.result.createObjectStore("files", { keyPath: "key" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => resolve(null);
    } catch {
      resolve(null);
    }
  });
}

async function room(): Promise<number> {
  const { quota = Infinity, usage = 0 } = (await navigator.storage?.estimate().catch(() => null)) ?? {};
  return Math.min(mostBytes, (quota - usage) * mostOfTheRest);
}
