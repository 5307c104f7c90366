import { join } from "node:path";
import type { PlannedFile } from "../../bundle/format/bundle-plan.ts";
import { BUNDLE_MANIFEST_FILE, parsePackageFile } from "../../bundle/format/format.ts";
import { readIntactManifest } from "../../bundle/read/bundle-manifest.ts";
import { readChecksums } from "../../bundle/read/checksum-file.ts";
import { compareTexts } from "../../compare-texts.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";

/** The files that a complete bundle of ours says are its own. */
export interface OwnFiles {
  /** Of each package, its files in order. */
  readonly packages: readonly (readonly PlannedFile[])[];
  /** Names of files beside the packages. */
  readonly extra: readonly string[];
}

const NOTHING: OwnFiles = { packages: [], extra: [] };

/**
 * By `bundle.json`; where that is damaged, by a `SHA256SUMS` that lists it. Neither: the directory holds no bundle of
 * ours, and nothing in it is ours to move.
 */
export async function readOwnFiles(directory: string): Promise<OwnFiles> {
  const manifest = await readIntactManifest(directory);
  if (manifest) {
    return {
      packages: manifest.packages.map(({ files }) =>
        files.map(({ name, size }) => ({ name, size })),
      ),
      extra: (manifest.extraFiles ?? []).map(({ name }) => name),
    };
  }
  const { sums } = (await readChecksums(directory)) ?? {};
  if (!sums?.has(BUNDLE_MANIFEST_FILE)) return NOTHING;
  const names = [...sums.keys()].filter((name) => name !== BUNDLE_MANIFEST_FILE);
  const packages = new Map<string, PlannedFile[]>();
  for (const name of names.sort(compareTexts)) {
    const packageName = parsePackageFile(name)?.packageName;
    if (packageName === undefined) continue;
    const file = { name, size: await sizeOf(join(directory, name)) };
    const files = packages.get(packageName);
    if (files) files.push(file);
    else packages.set(packageName, [file]);
  }
  const extra = names.filter((name) => parsePackageFile(name) === undefined);
  return { packages: [...packages.values()], extra };
}

/** Nothing is to be had of a file that is missing. */
async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return 0;
    throw error;
  }
}
