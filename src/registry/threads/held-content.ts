import { createHash, type Hash } from "node:crypto";
import { setImmediate as yieldToOthers } from "node:timers/promises";
import { BlockPool, WRITE_BLOCK_BYTES } from "../../io/block-pool.ts";
import { FileSpan } from "../../io/file-span.ts";
import { fillReadBuffer, recycleReadBuffer, takeReadBuffer } from "../../io/read-buffers.ts";
import { copyError } from "./copied-error.ts";
import type { ContentFault, ContentSpec, PourPosition } from "./messages.ts";

const BLOCK_BYTES = WRITE_BLOCK_BYTES;
/** A block with less room than this is written: small reads are dear. */
const LEAST_READ_BYTES = 64 * 1024;
/** Bytes that are read and sent at once. */
const PIECE_BYTES = 512 * 1024;
/** Bytes that are read back before others get their turn. */
const KEEP_STEP_BYTES = 8 * 1024 * 1024;

const blocks = new BlockPool();

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
  /** What has come and is not written yet: its first bytes. */
  #block: Buffer | undefined;
  #filled = 0;

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

  /** Where the next bytes can be received without a copy, at most so many; undefined: there is none. */
  memory(limit: number): Buffer | undefined {
    const length = Math.min(limit, BLOCK_BYTES - this.#filled, this.spec.size - this.#received);
    return length > 0 ? this.#takeBlock().subarray(this.#filled, this.#filled + length) : undefined;
  }

  /** Takes the next bytes; false if they are more than there should be. They are gone for who gave them. */
  take(bytes: Buffer): boolean {
    if (this.#received + bytes.length > this.spec.size) return false;
    // while the processor has them at hand
    this.#hash?.update(bytes);
    this.#received += bytes.length;
    for (let at = 0; at < bytes.length; ) at += this.#gather(bytes.subarray(at));
    return true;
  }

  #gather(bytes: Buffer): number {
    const block = this.#takeBlock();
    const length = Math.min(bytes.length, BLOCK_BYTES - this.#filled);
    const isThere =
      bytes.buffer === block.buffer && bytes.byteOffset === block.byteOffset + this.#filled;
    if (!isThere) bytes.copy(block, this.#filled, 0, length);
    this.#filled += length;
    if (this.#filled > BLOCK_BYTES - LEAST_READ_BYTES) this.flush();
    return length;
  }

  #takeBlock(): Buffer {
    this.#block ??= blocks.take();
    return this.#block;
  }

  /** Writes what has come. */
  flush(): void {
    if (this.#block === undefined || this.#filled === 0) return;
    const bytes = this.#block.subarray(0, this.#filled);
    this.#filled = 0;
    for (const span of this.#spans) span.write(this.#written, [bytes]);
    this.#written += bytes.length;
  }

  /** Nothing more comes for now: the memory is for others. */
  release(): void {
    if (this.#block) blocks.giveBack(this.#block);
    this.#block = undefined;
    this.#filled = 0;
  }

  digest(): string {
    return this.#hash?.digest("hex") ?? "";
  }

  /**
   * Gives the pieces of bytes of the content; the memory of each is used again for the one after the next. Where all of it has
   * been read in order, its last bytes are only passed on when the hash is right: a receiver can never get all of content
   * that is damaged.
   */
  read(
    start: number,
    size: number,
    onFault: (fault: ContentFault) => void,
  ): () => Buffer | undefined {
    if (start === 0) this.#hash = createHash(this.spec.algorithm);
    // Sent again from somewhere in the middle: the registry has the last word
    else if (start !== this.#hashed) this.#hash = undefined;
    this.#hashed = start;
    const end = start + size;
    const memory = [Buffer.alloc(0), Buffer.alloc(0)];
    let position = start;
    let turn = 0;
    return () => {
      if (position >= end) return undefined;
      turn = 1 - turn;
      if (memory[turn]?.length === 0) memory[turn] = Buffer.allocUnsafeSlow(PIECE_BYTES);
      const bytes = (memory[turn] as Buffer).subarray(0, end - position);
      this.#readNext(position, bytes, onFault);
      position += bytes.length;
      return bytes;
    };
  }

  #readNext(position: number, buffer: Buffer, onFault: (fault: ContentFault) => void): void {
    const found = this.#readFirst(position, buffer, onFault);
    if (found < buffer.length) {
      onFault({ type: "short", end: position + found });
      throw new Error("the content ends early");
    }
    this.#hash?.update(buffer);
    this.#hashed = position + buffer.length;
    if (this.#hash && this.#hashed === this.spec.size) this.#check(onFault);
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
    this.release();
    for (const span of this.#spans) span[Symbol.dispose]();
  }
}
