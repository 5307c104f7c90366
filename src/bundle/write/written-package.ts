import { join } from "node:path";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { storageError } from "../../io/errors.ts";
import { rename, rm } from "../../io/file-system.ts";
import { BLOCK_BYTES, paddingOf } from "../../tar/block.ts";
import { formatEntryHeader } from "../../tar/entry-header.ts";
import type { FileHasher, FileHashes } from "../file-hasher.ts";
import type { PackagePlan, PlannedEntry } from "../format/bundle-plan.ts";
import { GOST_SUFFIX, PARTIAL_SUFFIX } from "../format/format.ts";
import { PackageFile } from "../package-file.ts";
import type { BundleFile } from "../read/bundle-manifest.ts";

export interface WrittenPackageOptions {
  readonly directory: string;
  readonly plan: PackagePlan;
  /** Undefined: files are not hashed. */
  readonly hasher: FileHasher | undefined;
  /** The number that the hasher knows the first file by; the others follow. */
  readonly firstHash: number;
  /** Called when all files are hashed, durable and named. */
  readonly onFinished: (files: readonly BundleFile[]) => void;
}

/** Frontier steps smaller than this are not worth a message to the hashing thread. */
const HASH_STEP_BYTES = 8 * 1024 * 1024;

/** A package on its way to the disk. Its frontier moves on with the entries that are finished, and its files behind that. */
export class WrittenPackage {
  readonly plan: PackagePlan;
  readonly file: PackageFile;
  readonly #options: WrittenPackageOptions;
  readonly #isFinished: Uint8Array;
  /** Entries before this one are finished. */
  #next = 0;
  /** Bytes before this position are final. */
  #frontier = 0;
  /** What the hashing thread was told last: it may lie behind the frontier, within the next entry. */
  #announced = 0;
  /** The entry that is hashed while its data is written, once its header is. */
  #followed = -1;
  /** Files before this one are complete. */
  #nextFile = 0;
  readonly #files: Promise<BundleFile>[] = [];

  constructor(options: WrittenPackageOptions) {
    const { directory, plan } = options;
    const { files } = plan;
    this.#options = options;
    this.plan = plan;
    this.file = new PackageFile({ files, directory, suffix: PARTIAL_SUFFIX, mode: "write" });
    this.#isFinished = new Uint8Array(plan.entries.length);
  }

  entryAt(index: number): PlannedEntry {
    const entry = this.plan.entries.at(index);
    if (!entry) throw new Error(`package "${this.plan.name}" has no entry ${index}`);
    return entry;
  }

  /** Writes what surrounds the data of an entry, which is complete and verified. */
  async finishEntry(index: number): Promise<void> {
    const entry = this.entryAt(index);
    const padding = Buffer.alloc(paddingOf(entry.size));
    await this.file.write(entry.headerOffset, [formatEntryHeader(entry)]);
    if (padding.length > 0) await this.file.write(entry.offset + entry.size, [padding]);
    this.#isFinished[index] = 1;
    this.#advance();
  }

  /** Writes entries that lie side by side, from a first one on, with what surrounds them. */
  async writeEntries(first: number, data: readonly Uint8Array[]): Promise<void> {
    const entries = data.map((_, index) => this.entryAt(first + index));
    const [start, last] = [entries[0]?.headerOffset, entries.at(-1)];
    if (start === undefined || !last) return;
    const piece = Buffer.alloc(last.offset + last.size + paddingOf(last.size) - start);
    for (const [index, entry] of entries.entries()) {
      piece.set(formatEntryHeader(entry), entry.headerOffset - start);
      piece.set(data[index] ?? [], entry.offset - start);
    }
    await this.file.write(start, [piece]);
    this.#isFinished.fill(1, first, first + data.length);
    this.#advance();
  }

  /** Writes the entries that the plan itself decides, and the end of the archive. */
  async writeGenerated(): Promise<void> {
    await this.file.write(this.plan.size - 2 * BLOCK_BYTES, [Buffer.alloc(2 * BLOCK_BYTES)]);
    let index = 0;
    for (const { content, offset } of this.plan.entries) {
      if (content.kind === "generated") {
        await this.file.write(offset, [content.bytes]);
        await this.finishEntry(index);
      }
      index++;
    }
  }

  /** See `BundleWriter.follow`. */
  async follow(index: number, bytes: number): Promise<void> {
    if (!this.#options.hasher?.canGoBack || index !== this.#next) return;
    const entry = this.entryAt(index);
    const end = entry.offset + bytes;
    if (end - this.#announced < HASH_STEP_BYTES) return;
    if (this.#followed !== index) {
      await this.file.write(entry.headerOffset, [formatEntryHeader(entry)]);
      // What was written may have been found wrong meanwhile
      this.#followed = index;
      return;
    }
    this.#announce(end);
  }

  /** What is written of an entry was wrong. */
  unfollow(index: number): void {
    if (index !== this.#next || this.#announced <= this.#frontier) return;
    for (const { id, path, start } of this.#filesBetween(this.#frontier, this.#announced)) {
      this.#options.hasher?.goBack(id, path, Math.max(0, this.#frontier - start));
    }
    this.#announced = this.#frontier;
  }

  /** Resolves when every entry is finished and the files are hashed, durable and named; the directory is not synced. */
  async finish(): Promise<BundleFile[]> {
    const { name, size, entries } = this.plan;
    if (this.#frontier < size) {
      throw new Error(`package "${name}" lacks entry "${entries.at(this.#next)?.path}"`);
    }
    return await Promise.all(this.#files);
  }

  #advance(): void {
    const { entries, files, size, chunkSizeBytes } = this.plan;
    while (this.#isFinished[this.#next] === 1) this.#next++;
    this.#frontier = entries.at(this.#next)?.headerOffset ?? size;
    while (this.#nextFile < files.length) {
      const end = this.#nextFile * chunkSizeBytes + (files[this.#nextFile]?.size ?? 0);
      if (this.#frontier < end) break;
      const finishing = this.#finishFile(this.#nextFile);
      // A failure is reported by `finish`
      finishing.catch(() => {});
      this.#files.push(finishing);
      this.#announced = Math.max(this.#announced, end);
      this.#nextFile++;
      if (this.#nextFile === files.length) this.#report();
    }
    if (this.#frontier - this.#announced >= HASH_STEP_BYTES) this.#announce(this.#frontier);
  }

  #report(): void {
    // A failure is reported by `finish`
    Promise.all(this.#files).then(this.#options.onFinished, () => {});
  }

  /** `end` may lie behind the frontier. */
  #announce(end: number): void {
    for (const { id, path, start, size } of this.#filesBetween(this.#announced, end)) {
      const firmEnd = Math.min(Math.max(0, this.#frontier - start), size);
      this.#options.hasher?.advance(id, path, Math.min(end - start, size), firmEnd);
    }
    this.#announced = end;
  }

  /** The files, from those that are not complete, that have bytes of a range; `id` is what the hasher knows one by. */
  #filesBetween(from: number, end: number) {
    const { files, chunkSizeBytes } = this.plan;
    const first = Math.max(this.#nextFile, Math.floor(from / chunkSizeBytes));
    return files.slice(first, Math.ceil(end / chunkSizeBytes)).map(({ size }, index) => {
      const chunk = first + index;
      const id = this.#options.firstHash + chunk;
      return { id, path: this.file.pathOf(chunk), start: chunk * chunkSizeBytes, size };
    });
  }

  async #finishFile(chunk: number): Promise<BundleFile> {
    const { directory, firstHash, hasher } = this.#options;
    const { name, size } = this.plan.files[chunk] ?? { name: "", size: 0 };
    const path = this.file.pathOf(chunk);
    const final = join(directory, name);
    const [hashes] = await Promise.all([
      hasher?.finish(firstHash + chunk, path, size),
      this.file.complete(chunk),
    ]);
    await this.file.close(chunk);
    await writeGostSum(final, hashes);
    try {
      await rename(path, final);
    } catch (error) {
      throw storageError(error, final);
    }
    return { name, size, ...hashes };
  }
}

/** Before the file has its name, so that no other sum ever lies beside it. */
async function writeGostSum(
  final: string,
  { streebog256 }: Partial<FileHashes> = {},
): Promise<void> {
  const path = `${final}${GOST_SUFFIX}`;
  if (streebog256 !== undefined) return writeFileAtomically(path, streebog256);
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw storageError(error, path);
  }
}
