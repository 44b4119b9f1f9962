import { UploadError } from "./errors.js";
import { defaultTransport, type Transport, type TransportRequest } from "./transport.js";

/** Where the server is, and how to get in. */
export interface ServerOptions {
  /** The server's address, such as `https://photos.example.com`; the page's own where it is left out. */
  endpoint?: string;
  /** Headers of every request, such as `Authorization`. */
  headers?: Record<string, string>;
  /** How requests are sent; XMLHttpRequest or fetch by default. */
  transport?: Transport;
}

export interface NewUpload {
  fileName: string;
  contentType: string;
  sizeBytes: number;
  userRole: string;
  userId: string;
  weddingId?: string;
  chunkSizeBytes?: number;
  guestName?: string;
  withdrawToken?: string;
}

export interface Chunk {
  chunkIndex: number;
  etag: string;
  sizeBytes: number;
  /** CRC-32 as in ZIP, eight hex digits. */
  crc32: string;
}

export interface Session {
  uploadId: string;
  chunkSizeBytes: number;
  totalChunks: number;
  receivedChunks?: Chunk[];
}

export interface UploadedFile {
  uploadId: string;
  key: string;
  sizeBytes: number;
  crc32: string;
}

/** The chunk API, one method a request. */
export class UploadsApi {
  constructor(private readonly server: ServerOptions) {}

  initiate(upload: NewUpload, idempotencyKey: string, signal: AbortSignal): Promise<Session> {
    return this.#json("POST", "init", signal, upload, { "Idempotency-Key": idempotencyKey });
  }

  status(uploadId: string, signal: AbortSignal): Promise<Session> {
    return this.#json("GET", uploadId, signal);
  }

  putChunk(
    uploadId: string, chunkIndex: number, body: Blob, crc32: string, signal: AbortSignal, onSent: (bytes: number) => void,
  ): Promise<Chunk> {
    const headers = {
      "Content-Type": "application/octet-stream",
      "X-Upload-Id": uploadId,
      "X-Chunk-Index": `${chunkIndex}`,
      "x-checksum-crc32": crc32,
    };
    return this.#send({ method: "PUT", url: `${uploadId}/chunk`, headers, body, signal, onSent });
  }

  complete(uploadId: string, chunks: Chunk[], signal: AbortSignal): Promise<UploadedFile> {
    const parts = chunks.map(({ chunkIndex, etag }) => ({ chunkIndex, etag }));
    return this.#json("POST", `${uploadId}/complete`, signal, { parts });
  }

  abort(uploadId: string, signal: AbortSignal): Promise<void> {
    return this.#json("DELETE", uploadId, signal);
  }

  withdraw(uploadId: string, token: string, signal: AbortSignal): Promise<void> {
    return this.#json("POST", `${uploadId}/withdraw`, signal, { token });
  }

  #json<T>(method: string, path: string, signal: AbortSignal, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.#send({
      method,
      url: path,
      headers: body === undefined ? headers : { ...headers, "Content-Type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
  }

  async #send<T>(request: TransportRequest): Promise<T> {
    const { endpoint = "", headers = {}, transport = defaultTransport } = this.server;
    const { status, retryAfter, text } = await transport({
      ...request,
      url: `${endpoint.replace(/\/+$/, "")}/v1/uploads/${request.url}`,
      headers: { ...headers, ...request.headers },
    });
    const answer = parsed(text);
    if (status >= 200 && status < 300) return answer as T;
    const seconds = Number(retryAfter ?? NaN);
    throw new UploadError(
      answer?.error?.code ?? "NOT_UNDERSTOOD",
      answer?.error?.message ?? `The server answered ${status}.`,
      status,
      Number.isFinite(seconds) ? seconds * 1000 : null,
    );
  }
}

// A proxy's error page is no JSON.
function parsed(text: string): { error?: { code: string; message: string } } | undefined {
  try {
    return text === "" ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
