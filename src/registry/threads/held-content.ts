import { createHash, type Hash } from "node:crypto";
import { Readable } from "node:stream";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { FileSpan } from "../../io/file-span.ts";
import {
  fillReadBuffer,
  READ_BUFFER_BYTES,
  recycleReadBuffer,
  takeReadBuffer,
} from "../../io/read-buffers.ts";
import { copyError } from "./copied-error.ts";
import type { ContentFault, ContentSpec, PourPosition } from "./messages.ts";

/** Pieces are gathered to this size: TLS gives 16 KiB at a time. */
const WRITE_BYTES = READ_BUFFER_BYTES;
/** Bytes that are read back before others get their turn. */
const KEEP_STEP_BYTES = 8 * 1024 * 1024;

/** Content of one transfer, in the thread that moves it: read or written where it lies, and hashed on the way. */
export class HeldContent implements Disposable {
  readonly spec: ContentSpec;
  readonly #spans: readonly FileSpan[];
  /** Of the bytes before `received`, or `hashed` where it is read. */
  #hash: Hash | undefined;
  #received = 0;
  #written = 0;
  /** How far the hash has come where content is read. */
  #hashed = 0;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(spec: ContentSpec) {
    this.spec = spec;
    this.#hash = createHash(spec.algorithm);
    this.#spans = spec.places.map((parts) => new FileSpan(parts, spec.mode));
  }

  get position(): PourPosition {
    return { received: this.#received, written: this.#written };
  }

  /** Goes on behind what the places have up to `end`, if all of them have the same. */
  async keep(end: number): Promise<boolean> {
    const hash = createHash(this.spec.algorithm);
    const [first, ...others] = this.#spans;
    const bytes = takeReadBuffer();
    const copy = takeReadBuffer();
    try {
      for (let position = 0, step = 0; position < end; position += bytes.length) {
        const part = bytes.subarray(0, Math.min(bytes.length, end - position));
        if ((first?.read(position, part) ?? 0) < part.length) return false;
        for (const span of others) {
          const other = copy.subarray(0, part.length);
          if (span.read(position, other) < other.length || !other.equals(part)) return false;
        }
        hash.update(part);
        step += part.length;
        if (step < KEEP_STEP_BYTES) continue;
        step = 0;
        await yieldToOthers();
      }
    } finally {
      for (const buffer of [bytes, copy]) recycleReadBuffer(fillReadBuffer(buffer, buffer.length));
    }
    this.#hash = hash;
    this.#received = end;
    this.#written = end;
    return true;
  }

  /** Takes the next bytes; false if they are more than there should be. Their memory is free when it has been written. */
  take(bytes: Buffer): boolean {
    if (this.#received + bytes.length > this.spec.size) return false;
    this.#hash?.update(bytes);
    this.#received += bytes.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= WRITE_BYTES) this.flush();
    return true;
  }

  /** Writes what has come. */
  flush(): void {
    const bytes = this.#waiting.splice(0);
    if (bytes.length === 0) return;
    this.#waitingBytes = 0;
    for (const span of this.#spans) span.write(this.#written, bytes);
    this.#written = this.#received;
    for (const buffer of bytes) recycleReadBuffer(buffer);
  }

  digest(): string {
    return this.#hash?.digest("hex") ?? "";
  }

  /**
   * Streams bytes of the content. Where all of it has been read in order, its last bytes are only passed on when the hash
   * is right: a receiver can never get all of content that is damaged.
   */
  read(start: number, size: number, onFault: (fault: ContentFault) => void): Readable {
    if (start === 0) this.#hash = createHash(this.spec.algorithm);
    // Sent again from somewhere in the middle: the registry has the last word
    else if (start !== this.#hashed) this.#hash = undefined;
    this.#hashed = start;
    const end = start + size;
    let position = start;
    const next = (): Buffer | undefined => {
      if (position >= end) return undefined;
      const bytes = this.#readNext(position, end, onFault);
      position += bytes.length;
      return bytes;
    };
    return new Readable({
      highWaterMark: READ_BUFFER_BYTES,
      read() {
        try {
          this.push(next() ?? null);
        } catch (error) {
          this.destroy(error as Error);
        }
      },
    });
  }

  #readNext(position: number, end: number, onFault: (fault: ContentFault) => void): Buffer {
    const memory = takeReadBuffer();
    const buffer = memory.subarray(0, Math.min(memory.length, end - position));
    const found = this.#readFirst(position, buffer, onFault);
    if (found < buffer.length) {
      onFault({ type: "short", end: position + found });
      throw new Error("the content ends early");
    }
    this.#hash?.update(buffer);
    this.#hashed = position + buffer.length;
    if (this.#hash && this.#hashed === this.spec.size) this.#check(onFault);
    return fillReadBuffer(memory, buffer.length);
  }

  #readFirst(position: number, buffer: Buffer, onFault: (fault: ContentFault) => void): number {
    try {
      return this.#spans[0]?.read(position, buffer) ?? 0;
    } catch (error) {
      onFault({ type: "storage", error: copyError(error) });
      throw error;
    }
  }

  #check(onFault: (fault: ContentFault) => void): void {
    const hash = this.#hash?.digest("hex");
    this.#hash = undefined;
    if (hash === this.spec.hash) return;
    onFault({ type: "hash", hash: hash ?? "" });
    throw new Error("the content is damaged");
  }

  [Symbol.dispose](): void {
    for (const span of this.#spans) span[Symbol.dispose]();
  }
}
