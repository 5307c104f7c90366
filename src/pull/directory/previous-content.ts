import { join } from "node:path";
import type { PlannedFile } from "../../bundle/format/bundle-plan.ts";
import { startsOf } from "../../bundle/format/chunk-plan.ts";
import { parseLayoutEntry } from "../../bundle/format/format.ts";
import { PULL_STATE } from "../../bundle/format/state-directory.ts";
import { PackageFile } from "../../bundle/package-file.ts";
import { salvagePackage } from "../../bundle/read/salvage-package.ts";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { rm } from "../../io/file-system.ts";
import { formatJsonLines, type LinedObject } from "../../io/json-lines.ts";
import { readJsonLines } from "../../io/read-json-lines.ts";
import type { Digest } from "../../oci/digest.ts";
import { type EarlierBundle, readEarlierBundle } from "./earlier-bundle.ts";
import type { OwnFiles } from "./own-files.ts";
import { type PreviousBlob, PreviousBlobs } from "./previous-blobs.ts";
import { readPullJournal } from "./pull-journal.ts";
import type { StatePaths } from "./pull-state.ts";
import { listGenerations } from "./set-aside.ts";

const CONTENTS_FILE = "contents.json";

/** `contents.json` of a bundle that was set aside: its files become shorter while it is taken over. */
interface PreviousContents {
  readonly packages: readonly (readonly PlannedFile[])[];
  readonly blobs: PreviousBlobs;
}

/** The same as the file has it, a line for each blob; earlier versions had one line, with the blobs by their digest. */
interface WrittenContents {
  readonly packages: PreviousContents["packages"];
  readonly blobs:
    | readonly (PreviousBlob & { readonly digest: Digest })[]
    | Readonly<Record<Digest, PreviousBlob>>;
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

/**
 * Opens what was set aside, the newest first; a generation that cannot be read is worth nothing. `newest` is what that is known
 * to consist of.
 */
export async function openPrevious(
  paths: StatePaths,
  newest?: EarlierBundle,
): Promise<PreviousContent[]> {
  const generations = await listGenerations(paths);
  const opened: PreviousContent[] = [];
  for (const [index, directory] of generations.reverse().entries()) {
    const contents = await pinContents(directory, index === 0 ? newest : undefined);
    opened.push(new PreviousContent(directory, contents));
  }
  return opened;
}

/** The blobs of an earlier bundle, complete or not, that waits in `.mirror/previous` to be taken over. */
export class PreviousContent implements AsyncDisposable {
  readonly #directory: string;
  readonly #blobs: PreviousBlobs;
  readonly #packages: readonly PackageFile[];
  #window: Window | undefined;

  constructor(directory: string, { packages, blobs }: PreviousContents) {
    this.#directory = directory;
    this.#blobs = blobs;
    this.#packages = packages.map((files) => new PackageFile({ files, directory, mode: "read" }));
  }

  get packages(): number {
    return this.#packages.length;
  }

  find(digest: Digest): PreviousBlob | undefined {
    return this.#blobs.find(digest);
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

/**
 * Of each blob, the bytes from its first that a directory has in its bundle, complete or not, or in an earlier one. `here` is
 * what the directory is known to hold.
 */
export async function findPresent(
  bundlePath: string,
  paths: StatePaths,
  here: EarlierBundle,
): Promise<ReadonlyMap<string, number>> {
  const present = new Map<string, number>();
  const enter = ({ blobs }: PreviousContents) => {
    for (const [digest, { available }] of blobs) {
      present.set(digest, Math.max(available, present.get(digest) ?? 0));
    }
  };
  enter(await listContents({ ...paths, directory: bundlePath }, here));
  for (const directory of await listGenerations(paths)) {
    const pinned = await readContents(join(directory, CONTENTS_FILE));
    enter(pinned ?? (await listContents(placesIn(directory))));
  }
  return present;
}

/** Durable before the first file becomes shorter: what a bundle has can be read from it only as long as it is whole. */
async function pinContents(directory: string, known?: EarlierBundle): Promise<PreviousContents> {
  const path = join(directory, CONTENTS_FILE);
  const pinned = await readContents(path);
  if (pinned) return pinned;
  const contents = await listContents(placesIn(directory), known);
  await writeFileAtomically(path, formatJsonLines(linesOf(contents)));
  return contents;
}

function linesOf({ packages, blobs }: PreviousContents): LinedObject {
  return { head: { packages }, list: "blobs", items: valuesOf(blobs) };
}

function* valuesOf(blobs: PreviousBlobs): Generator<{ readonly value: unknown }> {
  for (const [digest, blob] of blobs) yield { value: { digest, ...blob } };
}

async function readContents(path: string): Promise<PreviousContents | undefined> {
  try {
    const { packages, blobs: written } = (await readJsonLines(path)) as WrittenContents;
    const blobs = new PreviousBlobs();
    if (Array.isArray(written)) for (const { digest, ...blob } of written) blobs.add(digest, blob);
    else for (const [digest, blob] of Object.entries(written)) blobs.add(digest, blob);
    return { packages, blobs };
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

async function listContents(
  { directory, plan, journal }: BundlePlaces,
  known?: EarlierBundle,
): Promise<PreviousContents> {
  const { files, work } = known ?? (await readEarlierBundle(directory, plan));
  if (!work) return await listComplete(directory, files);
  const { plans, tasks } = work;
  const { finished, marks } = await readPullJournal(journal);
  const blobs = new PreviousBlobs();
  for (const { id, digest, size, places } of tasks) {
    const [{ package: index, entry }] = places;
    const offset = plans[index]?.entries.at(entry)?.offset;
    const available = finished.has(id) ? size : (marks.get(id) ?? 0);
    if (available > 0 && offset !== undefined)
      blobs.add(digest, { package: index, offset, available });
  }
  return { packages: files.packages, blobs };
}

/** Blobs where a bundle has them, also behind what is damaged in it: each is hashed before it is believed. */
async function listComplete(directory: string, { packages }: OwnFiles): Promise<PreviousContents> {
  const blobs = new PreviousBlobs();
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
      blobs.add(entry.digest as Digest, { package: index, offset, available: size });
    }
  }
  return { packages, blobs };
}
