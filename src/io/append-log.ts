import { createHash } from "node:crypto";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { hasErrorCode, storageError } from "./errors.ts";

/**
 * An append-only file of JSON records. Each record starts with a line break and the first half of its own hash, so a
 * torn or damaged record spoils itself and no neighbor.
 *
 *   \n <16 hex> \t <json>
 */
export class AppendLog implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  #waiting: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #scheduled = false;
  #failure: unknown;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(path: string): Promise<AppendLog> {
    try {
      return new AppendLog(path, await open(path, "a", 0o644));
    } catch (error) {
      throw storageError(error, path);
    }
  }

  /** Queues a record; what is queued while a write runs goes out with the next one. Failures surface in `flush`. */
  append(record: unknown): void {
    const json = JSON.stringify(record);
    this.#waiting.push(`\n${checkOf(json)}\t${json}`);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    this.#scheduled = false;
    const text = this.#waiting.join("");
    this.#waiting = [];
    if (text === "" || this.#failure !== undefined) return;
    try {
      await this.#file.write(text);
    } catch (error) {
      this.#failure = storageError(error, this.#path);
    }
  }

  /** Waits until everything queued is handed to the system; with `sync` until it is on the medium. */
  async flush({ sync = false }: { readonly sync?: boolean } = {}): Promise<void> {
    await this.#writing;
    if (this.#failure !== undefined) throw this.#failure;
    if (sync) await this.#file.sync();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}

/** The undamaged records of a log in order; a missing file has none. */
export async function readAppendLog(path: string): Promise<unknown[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw storageError(error, path);
  }
  return text.split("\n").flatMap((line) => {
    const [check, json] = splitOnce(line, "\t");
    return json !== undefined && check === checkOf(json) ? [JSON.parse(json) as unknown] : [];
  });
}

function checkOf(json: string): string {
  return createHash("sha256").update(json).digest("hex").slice(0, 16);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
