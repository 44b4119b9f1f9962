/** What can be stopped and goes on later. */
interface Work<T> {
  start(): Promise<T>;
  pause(): void;
  resume(): void;
}

/**
 * Does the work while no other tab of this browser does one of that name. The tab that is looked at goes first, and others pause: who scans the code
 * a second time has the first tab asleep in the background, where it would keep its turn for ever.
 */
export async function inTurn<T>(name: string, work: Work<T>): Promise<T> {
  if (!navigator.locks) return work.start();
  let result: Promise<T> | undefined;
  for (let takes = isSeen(); ; ) {
    const waiting = new AbortController();
    const seen = () => isSeen() && waiting.abort();
    const granted = () => {
      document.removeEventListener("visibilitychange", seen);
      if (result) work.resume();
      return (result ??= work.start());
    };
    if (!takes) document.addEventListener("visibilitychange", seen);
    try {
      return await navigator.locks.request(name, takes ? { steal: true } : { signal: waiting.signal }, granted);
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== "AbortError") return (result ??= work.start()); // a browser that forbids storage has no locks
      takes = waiting.signal.aborted; // else another tab has taken it
      if (!takes) work.pause();
    }
  }
}

/** Does the work with the screen on: a phone that sleeps pauses the page. Browsers end the lock of a page that is hidden. */
export async function awake<T>(work: () => Promise<T>): Promise<T> {
  let lock: WakeLockSentinel | null | undefined;
  const ask = async () => {
    if (isSeen()) lock = await navigator.wakeLock?.request("screen").catch(() => null); // an empty battery says no
  };
  document.addEventListener("visibilitychange", ask);
  try {
    await ask();
    return await work();
  } finally {
    document.removeEventListener("visibilitychange", ask);
    await lock?.release();
  }
}

const isSeen = () => document.visibilityState === "visible";
