import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { appendCrc32 } from "../src/crc32.js";
import { PageMemory, Upload, UploadError, UploadQueue, type UploadOptions, type UploadSource } from "../src/index.js";
import "./globals.js";
import { cut, FakeServer, json, refused, type Fault } from "./fakeServer.js";

const fileOf = (text: string, name = "a.jpg") => new File([text], name, { type: "image/jpeg", lastModified: 1 });
const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const guest = (server: FakeServer) => ({
  endpoint: "https://server.example/",
  userRole: "member",
  userId: "ann",
  transport: server.transport,
  memory: new PageMemory(),
});
const options = (server: FakeServer, more: Partial<UploadOptions> = {}): UploadOptions => ({ ...guest(server), ...more });

test("CRC-32 is the one of ZIP, however the bytes are cut", () => {
  assert.equal(appendCrc32(0, new TextEncoder().encode("123456789")), 0xcbf43926);
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7919) & 0xff);
  const whole = appendCrc32(0, bytes);
  assert.equal(whole, gzipSync(bytes).subarray(-8).readUInt32LE()); // RFC 1952: the last but one word
  for (const at of [0, 1, 7, 8, 9, 999, 1000]) {
    assert.equal(appendCrc32(appendCrc32(0, bytes.subarray(0, at)), bytes.subarray(at)), whole);
  }
});

test("a file arrives whole, in chunks", async () => {
  const server = new FakeServer();
  const reports: number[] = [];
  const upload = new Upload(fileOf("hello wedding!"), options(server, { onProgress: ({ sentBytes }) => reports.push(sentBytes) }));
  const uploaded = await upload.start();
  assert.equal(textOf(server.file), "hello wedding!");
  assert.equal(uploaded.crc32, appendCrc32(0, server.file!).toString(16).padStart(8, "0"));
  assert.equal(upload.state, "completed");
  assert.equal(reports.at(-1), 14);
});

test("an empty file is complete without a chunk", async () => {
  const server = new FakeServer();
  await new Upload(fileOf(""), options(server)).start();
  assert.deepEqual(server.requests, ["POST init", "POST {id}/complete"]);
});

test("starting twice is one upload", async () => {
  const server = new FakeServer();
  const upload = new Upload(fileOf("hello"), options(server));
  assert.equal(await upload.start(), await upload.start());
  assert.equal(server.requests.filter((request) => request === "POST init").length, 1);
});

test("no more chunks are on the way than allowed", async () => {
  const server = new FakeServer();
  let [now, most] = [0, 0];
  server.before = async (request) => {
    if (request.method !== "PUT") return;
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
  };
  await new Upload(fileOf("x".repeat(100)), options(server, { parallel: 2 })).start();
  assert.equal(most, 2);
});

for (const [what, fault] of Object.entries({
  "a cut connection": cut,
  "a lost answer": (): Fault => "lost",
  "an overloaded server": () => refused(503, "DATABASE_UNAVAILABLE"),
  "a failing store": () => refused(502, "STORAGE_ERROR"),
  "a proxy's error page": () => ({ status: 504, retryAfter: "0", text: "<html>" }),
  "too many requests": () => refused(429, "TOO_MANY_REQUESTS"),
  "bytes that were damaged on the way": () => refused(400, "CHECKSUM_MISMATCH"),
})) {
  test(`${what} costs a retry at every request, and nothing else`, async () => {
    for (let failing = 1; failing <= 6; failing++) {
      const server = new FakeServer();
      server.before = (_, count) => (count === failing ? fault() : undefined);
      await new Upload(fileOf("hello wedding!"), options(server)).start();
      assert.equal(textOf(server.file), "hello wedding!");
      assert.equal(server.uploads.size, 1);
    }
  });
}

test("a refusal ends the upload with the server's code, and starting again tries again", async () => {
  const server = new FakeServer();
  server.before = () => refused(403, "QUOTA_EXCEEDED");
  const upload = new Upload(fileOf("hello"), options(server));
  await assert.rejects(upload.start(), { name: "UploadError", code: "QUOTA_EXCEEDED", status: 403 });
  assert.equal(upload.state, "failed");
  server.before = () => {};
  await upload.start();
  assert.equal(textOf(server.file), "hello");
});

test("an upload gives up after so many attempts", async () => {
  const server = new FakeServer();
  server.before = () => refused(503, "DATABASE_UNAVAILABLE");
  await assert.rejects(new Upload(fileOf("hello"), options(server, { attempts: 3 })).start(), { code: "DATABASE_UNAVAILABLE" });
  assert.equal(server.requests.length, 3);
});

test("after a reload only what is missing is sent", async () => {
  const [server, memory] = [new FakeServer(), new PageMemory()];
  server.before = (request) => (request.headers["X-Chunk-Index"] === "2" ? refused(401, "UNAUTHORIZED") : undefined);
  await assert.rejects(new Upload(fileOf("hello wedding!"), options(server, { memory, parallel: 1 })).start());

  server.before = () => {};
  server.requests.length = 0;
  await new Upload(fileOf("hello wedding!"), options(server, { memory })).start();
  assert.deepEqual(server.requests, ["GET {id}", "PUT {id}/chunk 2", "PUT {id}/chunk 3", "POST {id}/complete"]);
  assert.equal(textOf(server.file), "hello wedding!");
});

test("a file that changed since is sent anew where it changed, under the same name", async () => {
  const [server, memory] = [new FakeServer(), new PageMemory()];
  server.before = (request) => (request.headers["X-Chunk-Index"] === "3" ? refused(401, "UNAUTHORIZED") : undefined);
  await assert.rejects(new Upload(fileOf("hello wedding!"), options(server, { memory, parallel: 1 })).start());

  server.before = () => {};
  server.requests.length = 0;
  await new Upload(fileOf("hello WEDDing!"), options(server, { memory })).start();
  assert.equal(textOf(server.file), "hello WEDDing!");
  assert.ok(!server.requests.includes("PUT {id}/chunk 0"));
});

test("a file that was uploaded before is not sent again", async () => {
  const [server, memory] = [new FakeServer(), new PageMemory()];
  const first = await new Upload(fileOf("hello"), options(server, { memory })).start();
  server.requests.length = 0;
  const second = await new Upload(fileOf("hello"), options(server, { memory })).start();
  assert.deepEqual(second, first);
  assert.deepEqual(server.requests, ["GET {id}", "POST {id}/complete"]);
});

for (const code of ["UPLOAD_NOT_FOUND", "UPLOAD_EXPIRED", "UPLOAD_LOST", "UPLOAD_ABORTED"]) {
  test(`a session the server has no more (${code}) is begun anew`, async () => {
    const server = new FakeServer();
    let gone = true;
    server.before = (request) => (request.method === "PUT" && gone ? ((gone = false), refused(410, code)) : undefined);
    await new Upload(fileOf("hello wedding!"), options(server)).start();
    assert.equal(server.uploads.size, 2);
    assert.equal(textOf(server.file), "hello wedding!");
  });
}

test("a server that forgets every session is not asked for ever", async () => {
  const server = new FakeServer();
  server.before = (request) => (request.method === "PUT" ? refused(410, "UPLOAD_LOST") : undefined);
  await assert.rejects(new Upload(fileOf("hello"), options(server)).start(), { code: "UPLOAD_LOST" });
});

test("where another page completed the same upload, both have it", async () => {
  const [server, memory] = [new FakeServer(), new PageMemory()];
  let other: Promise<unknown> | undefined;
  server.before = async (request) => {
    if (request.method === "PUT" && !other) {
      other = new Upload(fileOf("hello"), options(server, { memory })).start();
      await other;
    }
  };
  await new Upload(fileOf("hello"), options(server, { memory })).start();
  assert.equal(server.uploads.size, 1);
  assert.equal(textOf(server.file), "hello");
});

test("a pause stops sending, and going on sends the rest", async () => {
  const server = new FakeServer();
  const states: string[] = [];
  const upload = new Upload(fileOf("hello wedding!"), options(server, { parallel: 1, onStateChange: (state) => states.push(state) }));
  let paused!: () => void;
  const reached = new Promise<void>((resolve) => (paused = resolve));
  server.before = (request) => {
    if (request.headers["X-Chunk-Index"] === "2" && states.at(-1) === "uploading" && states.length === 1) {
      upload.pause();
      paused();
    }
  };
  const done = upload.start();
  await reached;
  await new Promise(setImmediate);
  assert.equal(upload.state, "paused");
  const before = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(server.requests.length, before);
  upload.resume();
  await done;
  assert.equal(textOf(server.file), "hello wedding!");
  assert.deepEqual(states, ["uploading", "paused", "uploading", "completed"]);
  assert.equal(server.requests.filter((request) => request.startsWith("PUT {id}/chunk 0")).length, 1);
});

for (const when of ["uploading", "paused"]) {
  test(`an upload that is aborted while ${when} is deleted on the server`, async () => {
    const server = new FakeServer();
    const upload = new Upload(fileOf("hello wedding!"), options(server, { parallel: 1 }));
    let aborting: Promise<void> | undefined;
    server.before = (request) => {
      if (request.headers["X-Chunk-Index"] !== "1") return;
      if (when === "paused") upload.pause();
      aborting = upload.abort();
    };
    await assert.rejects(upload.start(), { code: "ABORTED" });
    await aborting;
    assert.equal(server.uploads.size, 0);
    assert.equal(upload.state, "aborted");
  });
}

test("a file that cannot be read any more says so", async () => {
  const server = new FakeServer();
  const file = fileOf("hello") as UploadSource;
  file.slice = () => ({ stream: () => new ReadableStream({ pull: () => Promise.reject(new DOMException("gone", "NotReadableError")) }) }) as Blob;
  await assert.rejects(new Upload(file, options(server)).start(), { code: "FILE_UNREADABLE" });
});

test("a queue sends all files with few requests at a time, and one refused file keeps nobody", async () => {
  const server = new FakeServer();
  let [now, most] = [0, 0];
  server.before = async (request) => {
    most = Math.max(most, ++now);
    await new Promise(setImmediate);
    now--;
    return request.method === "POST" && String(request.body).includes("bad.exe") ? refused(415, "UNSUPPORTED_CONTENT_TYPE") : undefined;
  };
  const files = Array.from({ length: 20 }, (_, i) => fileOf(`file ${i} `.repeat(5), i === 7 ? "bad.exe" : `${i}.jpg`));
  const queue = new UploadQueue(files, { ...guest(server), parallel: 4 });
  const outcomes = await queue.start();
  assert.equal(most, 4);
  assert.deepEqual(outcomes.map((outcome, i) => [i, "error" in outcome]).filter(([, failed]) => failed), [[7, true]]);
  assert.equal(server.uploads.size, 19);
  assert.equal(queue.progress.totalBytes, files.reduce((sum, file) => sum + file.size, 0));
});

test("a file of a queue that is aborted before its turn is never sent", async () => {
  const server = new FakeServer();
  const queue = new UploadQueue([fileOf("first", "1.jpg"), fileOf("second", "2.jpg")], { ...guest(server), parallel: 1 });
  const [, second] = queue.uploads;
  const outcomes = queue.start();
  await second!.abort();
  assert.deepEqual((await outcomes).map((outcome) => "error" in outcome), [false, true]);
  assert.equal(server.uploads.size, 1);
});

test("an answer that is none of this API is said to be so", async () => {
  const server = new FakeServer();
  server.before = () => json(400, "no");
  await assert.rejects(new Upload(fileOf("hello"), options(server)).start(), (error) => error instanceof UploadError && error.code === "NOT_UNDERSTOOD");
});
