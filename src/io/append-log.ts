import { createHash } from "node:crypto";
import { closeSync, fdatasyncSync, writeSync } from "node:fs";
import { hasErrorCode, storageError } from "./errors.ts";
import { APPEND } from "./file-system.ts";
import { openFileSync } from "./open-file.ts";
import { readFile } from "./read-file.ts";

/**
 * An append-only file of JSON records. Each record starts with a line break and the first half of its own hash, so a
 * torn or damaged record spoils itself and no neighbor.
 *
 *   \n <16 hex> \t <json>
 *
 * Appending is synchronous: a record of some bytes is in the page cache sooner than another thread could be woken for
 * it, and when `append` returns a killed process cannot lose it.
 */
export class AppendLog implements Disposable {
  readonly #path: string;
  readonly #file: number;

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  static open(path: string): AppendLog {
    return new AppendLog(path, openFileSync(path, APPEND));
  }

  append(...records: readonly unknown[]): void {
    try {
      writeSync(this.#file, records.map(formatLogRecord).join(""));
    } catch (error) {
      throw storageError(error, this.#path);
    }
  }

  /** Makes all records durable. */
  sync(): void {
    try {
      fdatasyncSync(this.#file);
    } catch (error) {
      throw storageError(error, this.#path);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}

/** A record as a log holds it, for who writes a whole log at once. */
export function formatLogRecord(record: unknown): string {
  const json = JSON.stringify(record);
  return `\n${checkOf(json)}\t${json}`;
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
