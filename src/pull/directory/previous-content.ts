import { join } from "node:path";
import type { PlannedFile } from "../../bundle/format/bundle-plan.ts";
import { startsOf } from "../../bundle/format/chunk-plan.ts";
import { parseLayoutEntry } from "../../bundle/format/format.ts";
import { PULL_STATE } from "../../bundle/format/state-directory.ts";
import { PackageFile } from "../../bundle/read/package-file.ts";
import { salvagePackage } from "../../bundle/read/salvage-package.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { rm } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Digest } from "../../oci/digest.ts";
import { readOwnFiles } from "./own-files.ts";
import { readPullJournal } from "./pull-journal.ts";
import { readPinnedPlan, type StatePaths } from "./pull-state.ts";
import { listGenerations } from "./set-aside.ts";
import { planWork } from "./transfer-plan.ts";

const CONTENTS_FILE = "contents.json";

/** A blob of an earlier bundle, and where it is in one of its packages. */
export interface PreviousBlob {
  readonly package: number;
  readonly offset: number;
  /** Bytes from its first that are believed to be there. */
  readonly available: number;
}

/** `contents.json` of a bundle that was set aside: its files become shorter while it is taken over. */
interface PreviousContents {
  readonly packages: readonly (readonly PlannedFile[])[];
  readonly blobs: Readonly<Record<Digest, PreviousBlob>>;
}

/** Bytes of a package that were read at once. */
interface Window {
  readonly index: number;
  readonly start: number;
  readonly length: number;
  readonly memory: Buffer;
}

/** Blobs up to this size are read together with what lies before them: they are taken over from the last to the first. */
const SMALL_BYTES = 64 * 1024;
const SIDE_BYTES = 1024 * 1024;

/** Opens what was set aside, the newest first; a generation that cannot be read is worth nothing. */
export async function openPrevious(paths: StatePaths): Promise<PreviousContent[]> {
  const generations = await listGenerations(paths);
  return await Promise.all(
    generations.reverse().map(async (directory) => {
      return new PreviousContent(directory, await pinContents(directory));
    }),
  );
}

/** The blobs of an earlier bundle, complete or not, that waits in `.mirror/previous` to be taken over. */
export class PreviousContent implements AsyncDisposable {
  readonly #directory: string;
  readonly #blobs: ReadonlyMap<string, PreviousBlob>;
  readonly #packages: readonly PackageFile[];
  #window: Window | undefined;

  constructor(directory: string, { packages, blobs }: PreviousContents) {
    this.#directory = directory;
    this.#blobs = new Map(Object.entries(blobs));
    this.#packages = packages.map((files) => new PackageFile({ files, directory, mode: "read" }));
  }

  get packages(): number {
    return this.#packages.length;
  }

  find(digest: Digest): PreviousBlob | undefined {
    return this.#blobs.get(digest);
  }

  /** Fills the buffer from a position of a blob; what cannot be read is fetched instead. */
  async read(
    { package: index, offset }: PreviousBlob,
    position: number,
    buffer: Buffer,
  ): Promise<number> {
    const start = offset + position;
    if (await this.#readFromWindow(index, start, buffer)) return buffer.length;
    return await this.#readAt(index, start, buffer);
  }

  async #readAt(index: number, position: number, buffer: Buffer): Promise<number> {
    try {
      return (await this.#packages[index]?.read(position, buffer)) ?? 0;
    } catch {
      return 0;
    }
  }

  /** False: it is not small, or lies where something cannot be read. */
  async #readFromWindow(index: number, position: number, buffer: Buffer): Promise<boolean> {
    const end = position + buffer.length;
    if (buffer.length > SMALL_BYTES) return false;
    let window = this.#window;
    if (window?.index !== index || position < window.start || end > window.start + window.length) {
      const start = Math.max(0, end - SIDE_BYTES);
      const memory = window?.memory ?? Buffer.allocUnsafeSlow(SIDE_BYTES);
      const length = await this.#readAt(index, start, memory.subarray(0, end - start));
      window = { index, start, length, memory };
      this.#window = window;
    }
    if (end > window.start + window.length) return false;
    window.memory.copy(buffer, 0, position - window.start);
    return true;
  }

  /** Gives back the room of everything in a package from `end` on: it is of no use, or has been copied. */
  async release(index: number, end: number): Promise<void> {
    await this.#packages[index]?.truncate(end);
  }

  /** Deletes it: everything of use has been copied. */
  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#packages) await file[Symbol.asyncDispose]();
  }
}

/** Of each blob, the bytes from its first that a directory has in its bundle, complete or not, or in an earlier one. */
export async function findPresent(
  bundlePath: string,
  paths: StatePaths,
): Promise<ReadonlyMap<string, number>> {
  const present = new Map<string, number>();
  const enter = ({ blobs }: PreviousContents) => {
    for (const [digest, { available }] of Object.entries(blobs)) {
      present.set(digest, Math.max(available, present.get(digest) ?? 0));
    }
  };
  enter(await listContents({ ...paths, directory: bundlePath }));
  for (const directory of await listGenerations(paths)) {
    const pinned = await readContents(join(directory, CONTENTS_FILE));
    enter(pinned ?? (await listContents(placesIn(directory))));
  }
  return present;
}

/** Durable before the first file becomes shorter: what a bundle has can be read from it only as long as it is whole. */
async function pinContents(directory: string): Promise<PreviousContents> {
  const path = join(directory, CONTENTS_FILE);
  const pinned = await readContents(path);
  if (pinned) return pinned;
  const contents = await listContents(placesIn(directory));
  await writeFileAtomically(path, JSON.stringify(contents));
  return contents;
}

async function readContents(path: string): Promise<PreviousContents | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as PreviousContents;
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, "ENOENT")) return undefined;
    throw storageError(error, path);
  }
}

interface BundlePlaces {
  readonly directory: string;
  readonly plan: string;
  readonly journal: string;
}

function placesIn(directory: string): BundlePlaces {
  return {
    directory,
    plan: join(directory, PULL_STATE.plan),
    journal: join(directory, PULL_STATE.journal),
  };
}

async function listContents({ directory, ...paths }: BundlePlaces): Promise<PreviousContents> {
  const plan = await readPinnedPlan(paths.plan);
  if (!plan) return await listComplete(directory);
  const { plans, tasks } = planWork(plan);
  const { finished, marks } = await readPullJournal(paths.journal);
  const blobs: Record<Digest, PreviousBlob> = {};
  for (const { id, digest, size, places } of tasks) {
    const [{ package: index, entry }] = places;
    const offset = plans[index]?.entries.at(entry)?.offset;
    const available = finished.has(id) ? size : (marks.get(id) ?? 0);
    if (available > 0 && offset !== undefined)
      blobs[digest] = { package: index, offset, available };
  }
  return { packages: plans.map(({ files }) => files), blobs };
}

/** Blobs where a bundle has them, also behind what is damaged in it: each is hashed before it is believed. */
async function listComplete(directory: string): Promise<PreviousContents> {
  // Bundles of others are not taken over
  const { packages } = await readOwnFiles(directory);
  const blobs: Record<Digest, PreviousBlob> = {};
  for (const [index, files] of packages.entries()) {
    await using file = new PackageFile({ files, directory, mode: "read" });
    const entries = salvagePackage(file, {
      starts: startsOf(files),
      sizes: files.map(({ size }) => size),
      accepts: (path) => parseLayoutEntry(path) !== undefined,
      // What cannot be read is fetched
      onDamage: () => {},
    });
    for await (const { path, offset, size } of entries) {
      const entry = parseLayoutEntry(path);
      if (entry?.kind !== "blob") continue;
      blobs[entry.digest as Digest] ??= { package: index, offset, available: size };
    }
  }
  return { packages, blobs };
}
