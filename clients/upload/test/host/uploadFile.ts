// node uploadFile.js URL FILE MEMORY [CHUNKS]: uploads a file to a running host; dies in the middle of sending chunk CHUNKS + 1. MEMORY is a
// file that remembers the session, as a browser's localStorage does. Prints {"sent": chunks sent, "file": what the host answered}.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import "../globals.js";
import { PageMemory, Upload } from "../../src/index.js";
import { fetchTransport } from "../../src/transport.js";

class FileMemory extends PageMemory {
  constructor(private readonly path: string) {
    super();
    if (existsSync(path)) for (const [key, value] of Object.entries(JSON.parse(readFileSync(path, "utf8")))) super.save(key, value as string);
  }

  override save(key: string, value: string): void {
    super.save(key, value);
    writeFileSync(this.path, JSON.stringify({ [key]: value }));
  }
}

const [endpoint, path, memory, chunks = "Infinity"] = process.argv.slice(2) as [string, string, string, string?];
const file = new File([readFileSync(path)], basename(path), { type: "image/jpeg", lastModified: 1 });
let sent = 0;
const upload = new Upload(file, {
  endpoint,
  userRole: "member",
  userId: "ann",
  weddingId: "ann-bob",
  chunkSizeBytes: 5 << 20,
  parallel: 2,
  memory: new FileMemory(memory),
  transport: async (request) => {
    const isChunk = request.method === "PUT";
    if (isChunk && sent >= Number(chunks)) process.kill(process.pid, "SIGKILL");
    const reply = await fetchTransport(request);
    // A chunk that the client before this one was sending may be refused while the host still stores it: it is sent again.
    if (isChunk && reply.status < 300) sent++;
    return reply;
  },
});
console.log(JSON.stringify({ file: await upload.start(), sent }));
