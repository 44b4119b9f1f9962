import { crc32Of, defaultMemory } from "../../../clients/upload/src/index.js";

/** A file as this browser knows it again. */
export interface Known {
  name: string;
  size: number;
  modified: number;
}

/** One that arrived. What is missing was not known to earlier versions of this page. */
export interface Arrived extends Known {
  uploadId?: string;
  withdrawToken?: string;
  crc32?: string;
}

export const keyOf = ({ name, size, modified }: Known) => `${name}|${size}|${modified}`;
export const asKnown = (file: File): Known => ({ name: file.name, size: file.size, modified: file.lastModified });

/** What a guest's browser remembers of one wedding, in all its tabs. */
export class Memory {
  readonly arrived = new Map<string, Arrived>();
  readonly unfinished = new Map<string, Known>();
  readonly userId: string;
  readonly #storage = defaultMemory();

  constructor(private readonly weddingId: string) {
    this.userId = this.#load("user", `guest-${crypto.randomUUID().slice(0, 8)}`);
    this.#store("user", this.userId);
    this.#read();
  }

  get name(): string {
    return this.#load("name", "");
  }

  set name(name: string) {
    this.#store("name", name);
  }

  /** Changes what is remembered now: another tab may have changed it since this one looked. */
  change(apply: () => void): void {
    this.#read();
    apply();
    this.#store("arrived", [...this.arrived.values()]);
    this.#store("unfinished", [...this.unfinished.values()]);
  }

  /**
   * Whether the file has arrived already. Phones make a new copy of a photo whenever it is chosen, at another time: then its bytes tell.
   */
  async has(file: File): Promise<boolean> {
    if (this.arrived.has(keyOf(asKnown(file)))) return true;
    const alike = [...this.arrived.values()].filter(({ name, size, crc32 }) => name === file.name && size === file.size && crc32);
    if (alike.length === 0) return false;
    const crc32 = await crc32Of(file, new AbortController().signal).catch(() => ""); // one that cannot be read says so when it is sent
    return alike.some((arrived) => arrived.crc32 === crc32);
  }

  #read(): void {
    this.arrived.clear();
    this.unfinished.clear();
    for (const file of this.#load<Arrived[]>("arrived", [])) this.arrived.set(keyOf(file), file);
    for (const file of this.#load<Known[]>("unfinished", [])) this.unfinished.set(keyOf(file), file);
  }

  #load<T>(key: string, otherwise: T): T {
    return JSON.parse(this.#storage.load(`guest:${this.weddingId}:${key}`) ?? "null") ?? otherwise;
  }

  #store(key: string, value: unknown): void {
    this.#storage.save(`guest:${this.weddingId}:${key}`, JSON.stringify(value));
  }
}
