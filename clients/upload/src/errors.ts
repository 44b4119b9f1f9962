/**
 * Why an upload does not go on. `code` is stable: one of the server's (see its `docs/http-api.md`), or
 * `NETWORK` (no answer), `FILE_UNREADABLE` (the file was moved, deleted or changed), `ABORTED`, `NOT_UNDERSTOOD` (no answer of this API).
 */
export class UploadError extends Error {
  override readonly name = "UploadError";

  constructor(
    readonly code: string,
    message: string,
    /** The HTTP status; 0 where there was no answer. */
    readonly status = 0,
    /** What the server's `Retry-After` asks for. */
    readonly retryAfterMs: number | null = null,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same request may succeed a moment later. */
  get isTransient(): boolean {
    return transientCodes.has(this.code) || this.status === 429 || this.status >= 500 || this.status === 408;
  }

  /** Whether the server no longer has the session: the file is to be sent from its beginning. */
  get isSessionGone(): boolean {
    return goneCodes.has(this.code);
  }

  /** Whether another page moved the same upload on: what the server has is to be asked again. */
  get isViewOutdated(): boolean {
    return outdatedCodes.has(this.code);
  }
}

// A bad checksum is the way's fault, not the file's: the chunk is read and sent again.
const transientCodes = new Set(["NETWORK", "CHUNK_IN_PROGRESS", "COMPLETE_IN_PROGRESS", "CHECKSUM_MISMATCH", "CHUNK_SIZE_MISMATCH"]);
const goneCodes = new Set(["UPLOAD_NOT_FOUND", "UPLOAD_ABORTED", "UPLOAD_EXPIRED", "UPLOAD_LOST", "UPLOAD_WITHDRAWN", "IDEMPOTENCY_KEY_REUSED"]);
const outdatedCodes = new Set(["MISSING_PARTS", "ETAG_MISMATCH", "UPLOAD_COMPLETED"]);
