/** Where sessions are remembered, so that a reloaded page goes on instead of beginning anew. */
export interface ResumeMemory {
  load(key: string): string | null;
  save(key: string, value: string): void;
  forget(key: string): void;
}

/** For the life of the page or process. */
export class PageMemory implements ResumeMemory {
  readonly #entries = new Map<string, string>();

  load(key: string): string | null {
    return this.#entries.get(key) ?? null;
  }

  save(key: string, value: string): void {
    this.#entries.set(key, value);
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }
}

/** The browser's `localStorage`: survives reloads and restarts. A full or forbidden one costs only the resuming. */
export class BrowserMemory implements ResumeMemory {
  constructor(private readonly storage: Storage = localStorage) {}

  load(key: string): string | null {
    return this.storage.getItem(key);
  }

  save(key: string, value: string): void {
    try {
      this.storage.setItem(key, value);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // QuotaExceededError
    }
  }

  forget(key: string): void {
    this.storage.removeItem(key);
  }
}

export function defaultMemory(): ResumeMemory {
  try {
    return typeof localStorage === "undefined" ? new PageMemory() : new BrowserMemory();
  } catch {
    return new PageMemory(); // SecurityError: the user forbids storage
  }
}
