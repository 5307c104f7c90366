/** Bytes per write or read: large enough for the disk. */
export const WRITE_BLOCK_BYTES: number = 1024 * 1024;

/** Memory for blocks, used again and again. */
export class BlockPool {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(WRITE_BLOCK_BYTES);
  }

  /** Any part of a block stands for all of it. */
  giveBack({ buffer }: Uint8Array): void {
    this.#free.push(Buffer.from(buffer as ArrayBuffer));
  }
}
