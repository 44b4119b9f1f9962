export type { ServerOptions, UploadedFile } from "./api.js";
export { UploadError } from "./errors.js";
export { BrowserMemory, defaultMemory, PageMemory, type ResumeMemory } from "./memory.js";
export type { Progress } from "./progress.js";
export { UploadQueue, type Outcome, type QueueOptions } from "./queue.js";
export { type Transport, type TransportReply, type TransportRequest } from "./transport.js";
export { crc32Of } from "./crc32.js";
export { Upload, withdraw, type SentFile, type UploadOptions, type UploadSource, type UploadState } from "./upload.js";
