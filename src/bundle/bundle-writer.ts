import { join } from "node:path";
import { syncDirectory, writeFileAtomically } from "../io/atomic-write.ts";
import { storageError } from "../io/errors.ts";
import type { FilePart } from "../io/file-span.ts";
import { rename, rm } from "../io/file-system.ts";
import { BLOCK_BYTES, paddingOf } from "../tar/block.ts";
import { formatEntryHeader } from "../tar/entry-header.ts";
import type { PackagePlan } from "./format/bundle-plan.ts";
import { GOST_SUFFIX, PARTIAL_SUFFIX } from "./format/format.ts";
import type { BundleFile } from "./read/bundle-manifest.ts";
import { FileHasher, type FileHashes } from "./read/file-hasher.ts";
import { PackageFile } from "./read/package-file.ts";

/** An entry of a planned package. */
export interface EntryPlace {
  readonly package: number;
  readonly entry: number;
}

/** All of the data of an entry, verified. */
export interface WholeEntry {
  readonly place: EntryPlace;
  readonly bytes: Uint8Array;
}

/** Frontier steps smaller than this are not worth a message to the hashing thread. */
const HASH_STEP_BYTES = 8 * 1024 * 1024;

/** Called when all files of a package are hashed, durable and named. */
export type OnPackageFinished = (plan: PackagePlan, files: readonly BundleFile[]) => void;

export interface BundleWriterOptions {
  /** Write the Streebog-256 of every file beside it. */
  readonly gost?: boolean | undefined;
  /** False: files are not hashed; their contents are, by who writes them. */
  readonly checksums?: boolean | undefined;
}

interface PackageState {
  readonly plan: PackagePlan;
  readonly file: PackageFile;
  readonly isFinished: Uint8Array;
  /** Entries before this one are finished. */
  next: number;
  /** Bytes before this position are final. */
  frontier: number;
  /** What the hashing thread was told last: it may lie behind the frontier, within the next entry. */
  announced: number;
  /** The entry that is hashed while its data is written, once its header is. */
  followed: number;
  /** Files before this one are complete. */
  nextFile: number;
  readonly files: Promise<BundleFile>[];
}

/**
 * Writes the entries of planned packages at their final places, in any order. Files carry the suffix `.partial` until
 * all their bytes are final, hashed and durable. An entry never moves once it is planned.
 */
export class BundleWriter implements AsyncDisposable {
  readonly #directory: string;
  readonly #packages: readonly PackageState[];
  readonly #hasher: FileHasher | undefined;

  readonly #onFinished: OnPackageFinished;

  constructor(
    directory: string,
    plans: readonly PackagePlan[],
    onFinished: OnPackageFinished = () => {},
    options: BundleWriterOptions = {},
  ) {
    const totalBytes = plans.reduce((sum, { size }) => sum + size, 0);
    this.#hasher =
      options.checksums === false ? undefined : new FileHasher({ ...options, totalBytes });
    this.#directory = directory;
    this.#onFinished = onFinished;
    this.#packages = plans.map((plan) => ({
      plan,
      file: new PackageFile({
        files: plan.files,
        directory,
        suffix: PARTIAL_SUFFIX,
        mode: "write",
      }),
      isFinished: new Uint8Array(plan.entries.length),
      next: 0,
      frontier: 0,
      announced: 0,
      followed: -1,
      nextFile: 0,
      files: [],
    }));
  }

  /** Writes bytes of an entry's data at `offset` in it. */
  async write(place: EntryPlace, offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const { state, entry } = this.#find(place);
    await state.file.write(entry.offset + offset, buffers);
  }

  /** Where an entry's data lies, for who writes it without this writer. */
  partsOf(place: EntryPlace): readonly FilePart[] {
    const { state, entry } = this.#find(place);
    return state.file.partsOf(entry.offset, entry.size);
  }

  /** Reads back bytes of an entry's data; returns the number found. */
  async read(place: EntryPlace, offset: number, buffer: Uint8Array): Promise<number> {
    const { state, entry } = this.#find(place);
    return state.file.read(entry.offset + offset, buffer);
  }

  /** Makes everything durable that was written before. */
  async sync(): Promise<void> {
    for (const { file } of this.#packages) await file.sync();
  }

  /** The data is complete and verified: writes what surrounds it and moves the frontier on. */
  async finishEntry(place: EntryPlace): Promise<void> {
    const { state, entry } = this.#find(place);
    const { path, size } = entry;
    const padding = Buffer.alloc(paddingOf(size));
    await state.file.write(entry.headerOffset, [formatEntryHeader({ path, size })]);
    if (padding.length > 0) await state.file.write(entry.offset + size, [padding]);
    state.isFinished[place.entry] = 1;
    this.#advance(state);
  }

  /** Writes whole entries with what surrounds them; those that lie side by side go to the disk in one piece. */
  async writeEntries(entries: readonly WholeEntry[]): Promise<void> {
    const sorted = entries.toSorted(
      ({ place: left }, { place: right }) =>
        left.package - right.package || left.entry - right.entry,
    );
    for (let start = 0; start < sorted.length; ) {
      const end = endOfRun(sorted, start);
      await this.#writeRun(sorted.slice(start, end));
      start = end;
    }
  }

  async #writeRun(run: readonly WholeEntry[]): Promise<void> {
    const found = run.map(({ place, bytes }) => ({ ...this.#find(place), place, bytes }));
    const [first, last] = [found[0], found.at(-1)];
    if (!first || !last) return;
    const { state, entry } = first;
    const start = entry.headerOffset;
    const end = last.entry.offset + last.entry.size;
    const piece = Buffer.alloc(end + paddingOf(last.entry.size) - start);
    for (const { entry, bytes } of found) {
      piece.set(formatEntryHeader(entry), entry.headerOffset - start);
      piece.set(bytes, entry.offset - start);
    }
    await state.file.write(start, [piece]);
    for (const { place } of found) state.isFinished[place.entry] = 1;
    this.#advance(state);
  }

  /** Writes the entries that the plan itself decides, and the end of each archive. */
  async writeGenerated(): Promise<void> {
    this.#hasher?.prepare();
    for (const [index, state] of this.#packages.entries()) {
      await state.file.write(state.plan.size - 2 * BLOCK_BYTES, [Buffer.alloc(2 * BLOCK_BYTES)]);
      let position = -1;
      for (const { content } of state.plan.entries) {
        position++;
        if (content.kind !== "generated") continue;
        const place = { package: index, entry: position };
        await this.write(place, 0, [content.bytes]);
        await this.finishEntry(place);
      }
    }
  }

  /**
   * The first bytes of an entry's data are written, and may yet turn out to be wrong. Those of the first entry that is not
   * finished are hashed for the file meanwhile: behind a large one there would be as much left to read as it has bytes.
   */
  async follow(place: EntryPlace, bytes: number): Promise<void> {
    const { state, entry } = this.#find(place);
    const end = entry.offset + bytes;
    if (!this.#hasher?.canGoBack || place.entry !== state.next) return;
    if (end - state.announced < HASH_STEP_BYTES) return;
    if (state.followed !== place.entry) {
      await state.file.write(entry.headerOffset, [formatEntryHeader(entry)]);
      // what was written may have been found wrong meanwhile
      state.followed = place.entry;
      return;
    }
    this.#announce(state, end);
  }

  /** What is written of an entry was wrong. */
  unfollow(place: EntryPlace): void {
    const { state } = this.#find(place);
    if (place.entry !== state.next || state.announced <= state.frontier) return;
    for (const { chunk, path, start } of filesBetween(state, state.frontier, state.announced)) {
      this.#hasher?.goBack(this.#hashId(state, chunk), path, Math.max(0, state.frontier - start));
    }
    state.announced = state.frontier;
  }

  /** Resolves when every entry of the package is finished, its files are hashed, durable and named. */
  async finishPackage(index: number): Promise<BundleFile[]> {
    const state = this.#state(index);
    if (state.frontier < state.plan.size) {
      const missing = state.plan.entries.at(state.next);
      throw new Error(`package "${state.plan.name}" lacks entry "${missing?.path}"`);
    }
    const files = await Promise.all(state.files);
    await syncDirectory(this.#directory);
    return files;
  }

  #find(place: EntryPlace) {
    const state = this.#state(place.package);
    const entry = state.plan.entries.at(place.entry);
    if (!entry) throw new Error(`package "${state.plan.name}" has no entry ${place.entry}`);
    return { state, entry };
  }

  #state(index: number): PackageState {
    const state = this.#packages[index];
    if (!state) throw new Error(`the plan has no package ${index}`);
    return state;
  }

  #advance(state: PackageState): void {
    const { plan } = state;
    while (state.isFinished[state.next] === 1) state.next++;
    state.frontier = plan.entries.at(state.next)?.headerOffset ?? plan.size;
    while (state.nextFile < plan.files.length) {
      const size = plan.files[state.nextFile]?.size ?? 0;
      const start = state.nextFile * plan.chunkSizeBytes;
      if (state.frontier < start + size) break;
      state.files.push(this.#finishFile(state, state.nextFile));
      // A failure is reported by finishPackage
      state.files.at(-1)?.catch(() => {});
      state.announced = Math.max(state.announced, start + size);
      state.nextFile++;
      if (state.nextFile === plan.files.length) this.#report(state);
    }
    if (state.frontier - state.announced >= HASH_STEP_BYTES) this.#announce(state, state.frontier);
  }

  #report({ plan, files }: PackageState): void {
    Promise.all(files).then(
      (done) => this.#onFinished(plan, done),
      // The failure is reported by finishPackage
      () => {},
    );
  }

  /** `end` may lie behind the frontier. */
  #announce(state: PackageState, end: number): void {
    for (const { chunk, path, start, size } of filesBetween(state, state.announced, end)) {
      const firmEnd = Math.min(Math.max(0, state.frontier - start), size);
      this.#hasher?.advance(this.#hashId(state, chunk), path, Math.min(end - start, size), firmEnd);
    }
    state.announced = end;
  }

  async #finishFile(state: PackageState, chunk: number): Promise<BundleFile> {
    const { name, size } = state.plan.files[chunk] ?? { name: "", size: 0 };
    const path = state.file.pathOf(chunk);
    const final = join(this.#directory, name);
    const [hashes] = await Promise.all([
      this.#hasher?.finish(this.#hashId(state, chunk), path, size),
      state.file.complete(chunk),
    ]);
    await state.file.close(chunk);
    await this.#writeGostSum(final, hashes);
    try {
      await rename(path, final);
    } catch (error) {
      throw storageError(error, final);
    }
    return { name, size, ...hashes };
  }

  /** Before the file has its name, so that no other sum ever lies beside it. */
  async #writeGostSum(final: string, { streebog256 }: Partial<FileHashes> = {}): Promise<void> {
    const path = `${final}${GOST_SUFFIX}`;
    if (streebog256 !== undefined) return writeFileAtomically(path, streebog256);
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw storageError(error, path);
    }
  }

  #hashId(state: PackageState, chunk: number): number {
    const before = this.#packages.slice(0, this.#packages.indexOf(state));
    return before.reduce((sum, { plan }) => sum + plan.files.length, 0) + chunk;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#packages.map(({ file }) => file[Symbol.asyncDispose]()));
    await this.#hasher?.[Symbol.asyncDispose]();
  }
}

/** The files of a package, from those that are not complete, that have bytes of a range. */
function filesBetween({ plan, file, nextFile }: PackageState, from: number, end: number) {
  const chunkSize = plan.chunkSizeBytes;
  const first = Math.max(nextFile, Math.floor(from / chunkSize));
  return plan.files.slice(first, Math.ceil(end / chunkSize)).map(({ size }, index) => {
    const chunk = first + index;
    return { chunk, path: file.pathOf(chunk), start: chunk * chunkSize, size };
  });
}

/** Position behind the entries that follow each other in their package. */
function endOfRun(sorted: readonly WholeEntry[], start: number): number {
  const first = sorted[start]?.place;
  let end = start + 1;
  for (; end < sorted.length; end++) {
    const next = sorted[end]?.place;
    if (!first || next?.package !== first.package) break;
    if (next.entry !== first.entry + end - start) break;
  }
  return end;
}
