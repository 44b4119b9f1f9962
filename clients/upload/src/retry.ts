import { UploadError } from "./errors.js";

const firstWaitMs = 500;
const longestWaitMs = 30_000;

/**
 * Repeats what failed for a reason that may pass: with exponential backoff and jitter, or after what the server asks for. Waits without
 * counting while the browser knows that it is offline.
 */
export async function retrying<T>(attempts: number, signal: AbortSignal, action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof UploadError) || !error.isTransient) throw error;
      if (isOffline()) attempt = 0;
      else if (attempt >= attempts) throw error;
      const wait = Math.min(longestWaitMs, firstWaitMs * 2 ** attempt) * (0.5 + Math.random() / 2);
      await pause(error.retryAfterMs ?? wait, signal);
    }
  }
}

const isOffline = () => globalThis.navigator?.onLine === false;

// A network that is back, or a phone that wakes up, ends the wait.
const wakeUps = ["online", "pageshow", "visibilitychange"];

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (how: () => void) => () => {
      clearTimeout(timer);
      for (const name of wakeUps) globalThis.removeEventListener?.(name, woken);
      signal.removeEventListener("abort", aborted);
      how();
    };
    const woken = settle(resolve);
    const aborted = settle(() => reject(signal.reason));
    const timer = setTimeout(woken, ms);
    for (const name of wakeUps) globalThis.addEventListener?.(name, woken);
    signal.addEventListener("abort", aborted);
  });
}
