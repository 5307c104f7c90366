import { syncDirectory } from "../../io/atomic-write.ts";
import type { FilePart } from "../../io/file-span.ts";
import { FileHasher } from "../file-hasher.ts";
import type { PackagePlan } from "../format/bundle-plan.ts";
import { startsOf } from "../format/chunk-plan.ts";
import type { BundleFile } from "../read/bundle-manifest.ts";
import { WrittenPackage } from "./written-package.ts";

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

/** Called when all files of a package are hashed, durable and named. */
export type OnPackageFinished = (plan: PackagePlan, files: readonly BundleFile[]) => void;

export interface BundleWriterOptions {
  /** Write the Streebog-256 of every file beside it. */
  readonly gost?: boolean | undefined;
  /** False: files are not hashed; their contents are, by who writes them. */
  readonly checksums?: boolean | undefined;
}

/**
 * Writes the entries of planned packages at their final places, in any order. Files carry the suffix `.partial` until
 * all their bytes are final, hashed and durable. An entry never moves once it is planned.
 */
export class BundleWriter implements AsyncDisposable {
  readonly #directory: string;
  readonly #packages: readonly WrittenPackage[];
  readonly #hasher: FileHasher | undefined;

  constructor(
    directory: string,
    plans: readonly PackagePlan[],
    onFinished: OnPackageFinished = () => {},
    options: BundleWriterOptions = {},
  ) {
    const totalBytes = plans.reduce((sum, { size }) => sum + size, 0);
    const hasher =
      options.checksums === false ? undefined : new FileHasher({ ...options, totalBytes });
    const firstHashes = startsOf(plans.map(({ files }) => ({ size: files.length })));
    this.#hasher = hasher;
    this.#directory = directory;
    this.#packages = plans.map((plan, index) => {
      const firstHash = firstHashes[index] ?? 0;
      const tell = (files: readonly BundleFile[]) => onFinished(plan, files);
      return new WrittenPackage({ directory, plan, hasher, firstHash, onFinished: tell });
    });
  }

  /** Writes bytes of an entry's data at `offset` in it. */
  async write(place: EntryPlace, offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    const written = this.#packageAt(place.package);
    await written.file.write(written.entryAt(place.entry).offset + offset, buffers);
  }

  /** Where an entry's data lies, for who writes it without this writer. */
  partsOf(place: EntryPlace): readonly FilePart[] {
    const written = this.#packageAt(place.package);
    const { offset, size } = written.entryAt(place.entry);
    return written.file.partsOf(offset, size);
  }

  /** Reads back bytes of an entry's data; returns the number found. */
  async read(place: EntryPlace, offset: number, buffer: Uint8Array): Promise<number> {
    const written = this.#packageAt(place.package);
    return written.file.read(written.entryAt(place.entry).offset + offset, buffer);
  }

  /** Makes everything durable that was written before. */
  async sync(): Promise<void> {
    for (const { file } of this.#packages) await file.sync();
  }

  /** The data is complete and verified: writes what surrounds it and moves the frontier on. */
  async finishEntry(place: EntryPlace): Promise<void> {
    await this.#packageAt(place.package).finishEntry(place.entry);
  }

  /** Writes whole entries with what surrounds them; those that lie side by side go to the disk in one piece. */
  async writeEntries(entries: readonly WholeEntry[]): Promise<void> {
    const sorted = entries.toSorted(
      ({ place: left }, { place: right }) =>
        left.package - right.package || left.entry - right.entry,
    );
    for (let start = 0; start < sorted.length; ) {
      const end = endOfRun(sorted, start);
      const run = sorted.slice(start, end);
      const [first] = run;
      if (first) {
        const { place } = first;
        const data = run.map(({ bytes }) => bytes);
        await this.#packageAt(place.package).writeEntries(place.entry, data);
      }
      start = end;
    }
  }

  /** Writes the entries that the plan itself decides, and the end of each archive. */
  async writeGenerated(): Promise<void> {
    this.#hasher?.prepare();
    for (const written of this.#packages) await written.writeGenerated();
  }

  /**
   * The first bytes of an entry's data are written, and may yet turn out to be wrong. Those of the first entry that is not
   * finished are hashed for the file meanwhile: behind a large one there would be as much left to read as it has bytes.
   */
  async follow(place: EntryPlace, bytes: number): Promise<void> {
    await this.#packageAt(place.package).follow(place.entry, bytes);
  }

  /** What is written of an entry was wrong. */
  unfollow(place: EntryPlace): void {
    this.#packageAt(place.package).unfollow(place.entry);
  }

  /** Resolves when every entry of the package is finished, its files are hashed, durable and named. */
  async finishPackage(index: number): Promise<BundleFile[]> {
    const files = await this.#packageAt(index).finish();
    await syncDirectory(this.#directory);
    return files;
  }

  #packageAt(index: number): WrittenPackage {
    const written = this.#packages[index];
    if (!written) throw new Error(`the plan has no package ${index}`);
    return written;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#packages.map(({ file }) => file[Symbol.asyncDispose]()));
    await this.#hasher?.[Symbol.asyncDispose]();
  }
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
