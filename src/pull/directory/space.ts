import { join } from "node:path";
import { PARTIAL_SUFFIX } from "../../bundle/format/format.ts";
import type { ContentCache } from "../../cache/content-cache.ts";
import { SpaceExhaustedError } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";
import { type FileSystem, readFileSystem } from "../../io/free-space.ts";
import { option } from "../../option.ts";
import { TAKE_OVER_STEP_BYTES } from "./take-over.ts";
import type { BlobTask, BundleWork } from "./transfer-plan.ts";

/** Room for the state, the manifest of the bundle and the file system's own bookkeeping. */
const RESERVE_BYTES = 16 * 1024 * 1024;

export interface MeasureSpaceOptions {
  /** What it has of the bundle is moved to its place, not copied. */
  readonly cache: Pick<ContentCache, "keptFrom">;
  /** The files of an earlier run are written on; otherwise they are set aside. */
  readonly isContinued: boolean;
  /** Paths of what is or will be set aside: it gives back its room while it is taken over. */
  readonly earlierFiles: readonly string[];
}

/** Throws `SPACE_EXHAUSTED` before the first byte if the bundle cannot fit on the file system of its directory. */
export async function checkSpace(
  bundlePath: string,
  work: BundleWork,
  options: MeasureSpaceOptions,
): Promise<void> {
  const { fileSystem, neededBytes } = await measureSpace(bundlePath, work, options);
  if (!fileSystem) return;
  const { freeBytes, fileLimitBytes = Number.POSITIVE_INFINITY } = fileSystem;
  const tooLarge = work.plans
    .flatMap(({ files }) => files)
    .find(({ size }) => size > fileLimitBytes);
  if (tooLarge) {
    throw new SpaceExhaustedError(
      join(bundlePath, tooLarge.name),
      `it would have ${tooLarge.size} bytes, a file on FAT32 can have ${fileLimitBytes}`,
      { hint: `Split the bundle with ${option("chunkSizeBytes")} 4GB` },
    );
  }
  if (neededBytes > freeBytes) {
    throw new SpaceExhaustedError(
      bundlePath,
      `the bundle needs ${inMegabytes(neededBytes)} more, ${inMegabytes(freeBytes)} are free; ${inMegabytes(RESERVE_BYTES)} of it are a reserve for the state of the pull and the file system's own bookkeeping`,
    );
  }
}

/** Decimal, as a plan is printed. */
function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export interface MeasuredSpace {
  /** Undefined where the system does not answer. */
  readonly fileSystem: FileSystem | undefined;
  /** Bytes that have to be free before a pull starts. */
  readonly neededBytes: number;
}

/** Whether so many bytes may be written beside a bundle before it is known whether the bundle itself has room. */
export async function hasRoom(bundlePath: string, bytes: number): Promise<boolean> {
  const fileSystem = await readFileSystem(bundlePath);
  return !fileSystem || fileSystem.freeBytes - bytes >= RESERVE_BYTES;
}

/** What a pull needs on the file system of its directory, and what is there. */
export async function measureSpace(
  bundlePath: string,
  { plans, tasks }: BundleWork,
  { cache, isContinued, earlierFiles }: MeasureSpaceOptions,
): Promise<MeasuredSpace> {
  const fileSystem = await readFileSystem(bundlePath);
  const files = plans.flatMap((plan) => plan.files);
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const written = isContinued ? await allocatedBytes(pathsOf(bundlePath, files)) : 0;
  // Content is taken over from its end: a file without holes has its whole size from the first write on
  const released = fileSystem?.isSparse ? await allocatedBytes(earlierFiles) : 0;
  const missing = size - written - (await keptBytes(tasks, cache));
  const needed = Math.max(missing - released, Math.min(missing, twiceBytes(tasks, released)), 0);
  return { fileSystem, neededBytes: needed + RESERVE_BYTES };
}

/** Bytes that the disk holds twice at most while an earlier bundle is taken over. */
function twiceBytes(tasks: Iterable<BlobTask>, released: number): number {
  if (released === 0) return 0;
  let largest = 0;
  for (const { size } of tasks) largest = Math.max(largest, size);
  return largest + TAKE_OVER_STEP_BYTES;
}

async function keptBytes(
  tasks: Iterable<BlobTask>,
  cache: MeasureSpaceOptions["cache"],
): Promise<number> {
  let bytes = 0;
  for (const task of tasks) {
    bytes += task.size - ((await cache.keptFrom(task)) ?? task.size);
  }
  return bytes;
}

function pathsOf(bundlePath: string, files: readonly { readonly name: string }[]): string[] {
  return files.flatMap(({ name }) => [
    join(bundlePath, name),
    join(bundlePath, `${name}${PARTIAL_SUFFIX}`),
  ]);
}

/** Bytes that files take on disk; those that are missing take none. */
async function allocatedBytes(paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map((path) =>
      stat(path).then(
        ({ blocks }) => blocks * 512,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
