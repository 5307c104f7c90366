import type { Hash } from "node:crypto";
import { constants } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory } from "../../io/atomic-write.ts";
import { storageError } from "../../io/errors.ts";
import { rename } from "../../io/file-system.ts";
import { readFileSystem } from "../../io/free-space.ts";
import { openFile } from "../../io/open-file.ts";
import { fillReadBuffer, READ_BUFFER_BYTES, takeReadBuffer } from "../../io/read-buffers.ts";
import type { KeptFiles } from "./kept-files.ts";

export interface DownloadFileOptions {
  readonly files: KeptFiles;
  /** Names among the files while content comes and when it is complete. */
  readonly partName: string;
  readonly finalName: string;
}

const READ_WRITE = constants.O_RDWR | constants.O_CREAT;

/** The file that content comes into, under a name for what is not complete. What the disk fails with names the file. */
export class DownloadFile {
  readonly path: string;
  readonly #options: DownloadFileOptions;
  #file: FileHandle | undefined;

  constructor(options: DownloadFileOptions) {
    this.#options = options;
    this.path = options.files.pathOf(options.partName);
  }

  get isOpen(): boolean {
    return this.#file !== undefined;
  }

  /** Opens it with what an earlier attempt has left; what cannot be a part of the content is cut off. */
  async open(contentSize: number): Promise<void> {
    const { files, partName } = this.#options;
    await files.prepare(partName);
    this.#file = await openFile(this.path, READ_WRITE, 0o600);
    files.add(partName, 0);
    if ((await this.size()) > contentSize) await this.#use((file) => file.truncate(0));
  }

  async size(): Promise<number> {
    return (await this.#use((file) => file.stat())).size;
  }

  /** Whether the disk says that so many bytes fit; one that says nothing may have room. */
  async hasRoomFor(bytes: number): Promise<boolean> {
    const { freeBytes = bytes } = (await readFileSystem(this.path)) ?? {};
    return freeBytes >= bytes;
  }

  /** Hashes the bytes before `end` that it has; returns how many these are. */
  async hashStart(hash: Hash, end: number): Promise<number> {
    const buffer = Buffer.alloc(READ_BUFFER_BYTES);
    for (let at = 0; ; ) {
      const wanted = Math.min(buffer.length, end - at);
      const { bytesRead } = await this.#use((file) => file.read(buffer, 0, wanted, at));
      if (bytesRead === 0) return at;
      hash.update(buffer.subarray(0, bytesRead));
      at += bytesRead;
    }
  }

  /** Some of so many bytes that were written at a position, in memory of a size. */
  async readAt(at: number, length: number, memoryBytes: number): Promise<Buffer> {
    const buffer = takeReadBuffer(memoryBytes);
    const wanted = Math.min(length, buffer.length);
    const { bytesRead } = await this.#use((file) => file.read(buffer, 0, wanted, at));
    if (bytesRead > 0) return fillReadBuffer(buffer, bytesRead);
    throw storageError(new Error("it is shorter than what was written to it"), this.path);
  }

  /** Returns how many of the bytes were written. */
  async writeAt(at: number, chunks: readonly Buffer[]): Promise<number> {
    return (await this.#use((file) => file.writev(chunks, at))).bytesWritten;
  }

  /** From here on it is found by its digest, after a power cut too. */
  async place(size: number): Promise<void> {
    const { files, finalName, partName } = this.#options;
    await this.#use((file) => file.sync());
    const path = await files.prepare(finalName);
    await rename(this.path, path);
    await syncDirectory(dirname(path));
    files.forget(partName);
    files.add(finalName, size);
  }

  /** So many bytes stay for a next attempt. */
  keep(size: number): void {
    this.#options.files.add(this.#options.partName, size);
  }

  async remove(): Promise<void> {
    await this.#options.files.remove(this.#options.partName).catch(() => {});
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #use<Value>(act: (file: FileHandle) => Promise<Value>): Promise<Value> {
    if (this.#file === undefined) throw new Error(`"${this.path}" is used before it was opened`);
    try {
      return await act(this.#file);
    } catch (error) {
      throw storageError(error, this.path);
    }
  }
}
