import { appendCrc32 } from "../src/crc32.js";
import { UploadError } from "../src/errors.js";
import type { Transport, TransportReply, TransportRequest } from "../src/transport.js";

export type Fault = TransportReply | "lost" | void;

interface FakeUpload {
  sizeBytes: number;
  chunkSizeBytes: number;
  chunks: Map<number, Uint8Array>;
  file?: Uint8Array;
}

/** The chunk API in memory, as a transport. `before` is asked first: it may wait, answer in its place, or have the answer lost. */
export class FakeServer {
  readonly uploads = new Map<string, FakeUpload>();
  readonly requests: string[] = [];
  readonly #byIdempotencyKey = new Map<string, string>();
  before: (request: TransportRequest, count: number) => Promise<Fault> | Fault = () => {};

  readonly transport: Transport = async (request) => {
    request.signal.throwIfAborted();
    const path = request.url.replace(/^.*\/v1\/uploads\//, "");
    const index = request.headers["X-Chunk-Index"];
    this.requests.push(`${request.method} ${path.replace(/^u\d+/, "{id}")}${index === undefined ? "" : ` ${index}`}`);
    const faulty = await this.before(request, this.requests.length);
    request.signal.throwIfAborted();
    if (faulty && faulty !== "lost") return faulty;
    const reply = await this.#answer(request, path);
    return faulty === "lost" ? cut() : reply;
  };

  get file(): Uint8Array | undefined {
    return [...this.uploads.values()].at(-1)?.file;
  }

  async #answer({ method, headers, body, onSent }: TransportRequest, path: string): Promise<TransportReply> {
    if (path === "init") {
      const { sizeBytes, chunkSizeBytes = 4 } = JSON.parse(body as string);
      const key = headers["Idempotency-Key"]!;
      const uploadId = this.#byIdempotencyKey.get(key) ?? `u${this.uploads.size + 1}`;
      this.#byIdempotencyKey.set(key, uploadId);
      if (!this.uploads.has(uploadId)) this.uploads.set(uploadId, { sizeBytes, chunkSizeBytes, chunks: new Map() });
      return json(201, { uploadId, chunkSizeBytes, totalChunks: Math.ceil(sizeBytes / chunkSizeBytes) });
    }

    const [uploadId, action] = path.split("/") as [string, string?];
    const upload = this.uploads.get(uploadId);
    if (!upload) return refused(404, "UPLOAD_NOT_FOUND");
    const { sizeBytes, chunkSizeBytes, chunks } = upload;
    if (method === "DELETE") {
      this.uploads.delete(uploadId);
      return { status: 204, retryAfter: null, text: "" };
    }

    if (action === "chunk") {
      if (upload.file) return refused(409, "UPLOAD_COMPLETED");
      const bytes = new Uint8Array(await (body as Blob).arrayBuffer());
      if (crcOf(bytes) !== headers["x-checksum-crc32"]) return refused(400, "CHECKSUM_MISMATCH");
      onSent?.(bytes.length);
      chunks.set(Number(headers["X-Chunk-Index"]), bytes);
      return json(200, chunk(Number(headers["X-Chunk-Index"]), bytes));
    }

    const received = [...chunks].map(([index, bytes]) => chunk(index, bytes));
    const totalChunks = Math.ceil(sizeBytes / chunkSizeBytes);
    if (action === undefined) return json(200, { uploadId, chunkSizeBytes, totalChunks, receivedChunks: received });
    if (chunks.size < totalChunks) return refused(409, "MISSING_PARTS");
    const inOrder = received.sort((a, b) => a.chunkIndex - b.chunkIndex);
    const { parts } = JSON.parse(body as string);
    if (inOrder.some(({ etag }, i) => parts[i].etag !== etag)) return refused(409, "ETAG_MISMATCH");
    upload.file = new Uint8Array(await new Blob(inOrder.map(({ chunkIndex }) => chunks.get(chunkIndex)!.slice())).arrayBuffer());
    return json(200, { uploadId, key: `k/${uploadId}`, sizeBytes, crc32: crcOf(upload.file) });
  }
}

export const json = (status: number, body: unknown): TransportReply => ({ status, retryAfter: null, text: JSON.stringify(body) });

export const refused = (status: number, code: string): TransportReply => ({
  status,
  retryAfter: "0",
  text: JSON.stringify({ error: { code, message: code } }),
});

export const cut = (): never => {
  throw new UploadError("NETWORK", "cut", 0, 0);
};

const crcOf = (bytes: Uint8Array) => appendCrc32(0, bytes).toString(16).padStart(8, "0");
const chunk = (chunkIndex: number, bytes: Uint8Array) => ({
  chunkIndex,
  etag: `e${crcOf(bytes)}`,
  sizeBytes: bytes.length,
  crc32: crcOf(bytes),
});
