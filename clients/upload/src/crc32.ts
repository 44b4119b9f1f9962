// CRC-32 as in ZIP and PNG (reflected, polynomial 0x04C11DB7), eight bytes a step: about 1 GB/s.
const tables: Uint32Array[] = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  tables[0]![byte] = crc;
}
for (let byte = 0; byte < 256; byte++) {
  for (let step = 1; step < 8; step++) {
    const before = tables[step - 1]![byte]!;
    tables[step]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
  }
}
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array,
];

/** Continues a CRC-32 with more bytes. Begin with 0. */
export function appendCrc32(crc: number, bytes: Uint8Array): number {
  let state = ~crc;
  let at = 0;
  for (; at + 8 <= bytes.length; at += 8) {
    state ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    state =
      t7[state & 0xff]! ^ t6[(state >>> 8) & 0xff]! ^ t5[(state >>> 16) & 0xff]! ^ t4[state >>> 24]! ^
      t3[bytes[at + 4]!]! ^ t2[bytes[at + 5]!]! ^ t1[bytes[at + 6]!]! ^ t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) state = (state >>> 8) ^ t0[(state ^ bytes[at]!) & 0xff]!;
  return ~state >>> 0;
}

/** CRC-32 of a blob in eight hex digits. Reads it in small pieces, so that neither memory nor a frame is lost to a large one. */
export async function crc32Of(blob: Blob, signal: AbortSignal): Promise<string> {
  let crc = 0;
  const reader = blob.stream().getReader();
  try {
    for (;;) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) return crc.toString(16).padStart(8, "0");
      crc = appendCrc32(crc, value);
    }
  } finally {
    await reader.cancel();
  }
}
