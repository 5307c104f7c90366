import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { PackagePlan } from "../bundle/bundle-plan.ts";
import { PARTIAL_SUFFIX } from "../bundle/format.ts";
import { SpaceExhaustedError } from "../io/errors.ts";
import { readFileSystem } from "../io/free-space.ts";
import type { ContentCache } from "./content-cache.ts";
import { planTransfer } from "./transfer-plan.ts";

/** Room for the state, the manifest of the bundle and the file system's own bookkeeping. */
const RESERVE_BYTES = 16 * 1024 * 1024;

export interface CheckSpaceOptions {
  /** What it has of the bundle is moved to its place, not copied. */
  readonly cache: Pick<ContentCache, "keptFrom">;
  /** The files of an earlier run are written on; otherwise they are set aside and keep their room for now. */
  readonly isContinued: boolean;
}

/** Throws `SPACE_EXHAUSTED` before the first byte if the bundle cannot fit on the file system of its directory. */
export async function checkSpace(
  bundlePath: string,
  plans: readonly PackagePlan[],
  { cache, isContinued }: CheckSpaceOptions,
): Promise<void> {
  const fileSystem = await readFileSystem(bundlePath);
  if (!fileSystem) return;
  const files = plans.flatMap((plan) => plan.files);
  const { freeBytes, fileLimitBytes } = fileSystem;
  const tooLarge = files.find(({ size }) => size > (fileLimitBytes ?? Number.POSITIVE_INFINITY));
  if (tooLarge) {
    throw new SpaceExhaustedError(
      join(bundlePath, tooLarge.name),
      `it would have ${tooLarge.size} bytes, a file on FAT32 can have ${fileLimitBytes}`,
      { hint: "Split the bundle with --images-bundle-chunk-size 4GB" },
    );
  }
  const needed = files.reduce((sum, { size }) => sum + size, 0) + RESERVE_BYTES;
  const written = isContinued ? await allocatedBytes(bundlePath, files) : 0;
  const present = written + (await keptBytes(plans, cache));
  if (needed - present > freeBytes) {
    throw new SpaceExhaustedError(
      bundlePath,
      `the bundle needs ${needed - present} more bytes, ${freeBytes} are free`,
    );
  }
}

async function keptBytes(
  plans: readonly PackagePlan[],
  cache: CheckSpaceOptions["cache"],
): Promise<number> {
  let bytes = 0;
  for (const task of planTransfer(plans)) {
    bytes += task.size - ((await cache.keptFrom(task)) ?? task.size);
  }
  return bytes;
}

/** Bytes on disk of files that an earlier run has started or finished. */
async function allocatedBytes(
  bundlePath: string,
  files: readonly { readonly name: string }[],
): Promise<number> {
  const paths = files.flatMap(({ name }) => [
    join(bundlePath, name),
    join(bundlePath, `${name}${PARTIAL_SUFFIX}`),
  ]);
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
