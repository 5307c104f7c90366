import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { storageError } from "../io/errors.ts";
import { openFile } from "../io/open-file.ts";
import { readFile } from "../io/read-file.ts";
import type { Digest } from "../oci/digest.ts";
import type { OnServeEvent } from "./serve-event.ts";

/** An image that a client has pulled. */
export interface PulledImage {
  /** As the client named it: `docker.io/library/a:1`. */
  readonly reference: string;
  /** What the reference was then: an index or a manifest. */
  readonly digest: Digest;
  /** `linux/amd64`; unknown for what runs nowhere. */
  readonly platform?: string | undefined;
}

export interface PullRecordOptions {
  readonly onEvent: OnServeEvent;
  readonly now?: (() => number) | undefined;
}

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND;

/**
 * A list of images, one line for each image, digest and platform, for whoever pulls by lists of images:
 *
 *   docker.io/library/a:1@sha256:…  # linux/amd64 2026-11-29T12:00:00.000Z
 *
 * Lines are only added, each by one write: what others write into the file stays, and so does what was there at the start.
 */
export class PullRecord implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #options: PullRecordOptions;
  /** Lines without their times. */
  readonly #known: Set<string>;
  #last: Promise<void> = Promise.resolve();

  private constructor(
    path: string,
    { file, known }: { readonly file: FileHandle; readonly known: Set<string> },
    options: PullRecordOptions,
  ) {
    this.#path = path;
    this.#file = file;
    this.#known = known;
    this.#options = options;
  }

  /** Rejects if the file cannot be written. */
  static async open(path: string, options: PullRecordOptions): Promise<PullRecord> {
    const file = await openFile(path, FLAGS);
    try {
      const text = await readFile(path, "utf8");
      const known = new Set(text.split("\n").map(withoutTime));
      // What a kill has cut off spoils no other line
      if (text !== "" && !text.endsWith("\n")) await file.appendFile("\n");
      return new PullRecord(path, { file, known }, options);
    } catch (error) {
      await file.close();
      throw storageError(error, path);
    }
  }

  note({ digest, platform, reference }: PulledImage): void {
    const name = reference.includes("@") ? reference : `${reference}@${digest}`;
    const line = `${name}  #${platform === undefined ? "" : ` ${platform}`}`;
    if (this.#known.has(line)) return;
    this.#known.add(line);
    const time = new Date((this.#options.now ?? Date.now)()).toISOString();
    this.#last = this.#last.then(() => this.#append(line, time));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last;
    await this.#file.close();
  }

  /** Whoever pulls has the image all the same; the next pull is noted again. */
  async #append(line: string, time: string): Promise<void> {
    try {
      await this.#file.appendFile(`${line} ${time}\n`);
      await this.#file.datasync();
    } catch (error) {
      this.#known.delete(line);
      const { message } = storageError(error, this.#path) as Error;
      this.#options.onEvent({ type: "record-failed", code: "STORAGE_FAILED", message });
    }
  }
}

function withoutTime(line: string): string {
  return line.replace(/ \d{4}-\d\d-\d\dT\S+Z$/, "");
}
