/** So many at a time, in the order of asking. Shared by the files of a queue, it bounds their requests together. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next) next(); // the slot changes hands
      else this.#free++;
    }
  }
}

/** Runs an action for each item, at most `parallel` at a time. The first error stops the rest, once those under way have ended. */
export async function forEachParallel<T>(items: Iterable<T>, parallel: number, action: (item: T) => Promise<void>): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failed = false;
  const worker = async () => {
    for (let next = rest.next(); !next.done && !failed; next = rest.next()) {
      try {
        await action(next.value);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: parallel }, worker));
  const failure = ended.find((result) => result.status === "rejected");
  if (failure) throw failure.reason;
}
