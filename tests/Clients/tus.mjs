// node tus.mjs ENDPOINT FILE [PARALLEL]: uploads a file by tus-js-client, which resumes by itself when its connection breaks. Prints
// {"url": the upload's address, "retries": how often it had to}.
import { createReadStream } from "node:fs";
import { Upload } from "tus-js-client";

const [endpoint, path, parallel = "1"] = process.argv.slice(2);
let retries = 0;
const upload = new Upload(createReadStream(path), {
  endpoint,
  parallelUploads: Number(parallel),
  chunkSize: Number(parallel) > 1 ? 5_000_000 : Infinity,
  retryDelays: [50, 100, 200, 400, 800, 1600],
  metadata: { filename: "film.txt", filetype: "text/plain", userRole: "member", userId: "ann" },
  onShouldRetry: () => ++retries < 50,
  onError: (error) => {
    console.error(`${error}`);
    process.exit(1);
  },
  onSuccess: () => console.log(JSON.stringify({ url: upload.url, retries })),
});
upload.start();
