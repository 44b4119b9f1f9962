import { UploadError } from "./errors.js";

export interface TransportRequest {
  method: string;
  url: string;
  headers: Record<string, string>;
  body?: Blob | string;
  signal: AbortSignal;
  /** Bytes of the body that left so far; not every transport can tell. */
  onSent?: (bytes: number) => void;
}

export interface TransportReply {
  status: number;
  retryAfter: string | null;
  text: string;
}

/** Sends one request. Throws an {@link UploadError} `NETWORK` where no answer came, and the signal's reason where it was aborted. */
export type Transport = (request: TransportRequest) => Promise<TransportReply>;

// A connection that a phone's sleep or a change of network left behind never reports its end.
const stallMs = 60_000;

/** For Node and workers. */
export const fetchTransport: Transport = async ({ method, url, headers, body, signal, onSent }) => {
  try {
    const response = await fetch(url, { method, headers, body: body ?? null, signal });
    if (body instanceof Blob) onSent?.(body.size);
    return { status: response.status, retryAfter: response.headers.get("Retry-After"), text: await response.text() };
  } catch (cause) {
    signal.throwIfAborted();
    throw new UploadError("NETWORK", "The server did not answer.", 0, null, { cause });
  }
};

/** For browsers: fetch tells nothing of how much of a body has been sent. */
export const xhrTransport: Transport = ({ method, url, headers, body, signal, onSent }) =>
  new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const lost = () => settle(() => reject(new UploadError("NETWORK", "The server did not answer.")));
    const aborted = () => settle(() => reject(signal.reason));
    let stall = setTimeout(lost, stallMs);
    const settle = (how: () => void) => {
      clearTimeout(stall);
      signal.removeEventListener("abort", aborted);
      how();
      xhr.abort(); // nothing to do for one that has ended
    };
    xhr.open(method, url);
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = ({ loaded }) => {
      clearTimeout(stall);
      stall = setTimeout(lost, stallMs);
      onSent?.(loaded);
    };
    xhr.onload = () =>
      settle(() => resolve({ status: xhr.status, retryAfter: xhr.getResponseHeader("Retry-After"), text: xhr.responseText }));
    xhr.onerror = lost;
    signal.addEventListener("abort", aborted);
    if (signal.aborted) aborted();
    else xhr.send(body ?? null);
  });

export const defaultTransport: Transport = (request) =>
  (typeof XMLHttpRequest === "undefined" ? fetchTransport : xhrTransport)(request);
