// What browsers and Node 20 have as globals, and Debian 12's Node 18 keeps elsewhere.
import { File as NodeFile } from "node:buffer";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto as Crypto;
globalThis.File ??= NodeFile as unknown as typeof File;
