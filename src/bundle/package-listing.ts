import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { type BundleManifest, readBundleManifest } from "./bundle-manifest.ts";
import type { PlannedFile } from "./bundle-plan.ts";
import { BundleCorruptError, BundleMissingError } from "./errors.ts";
import { PARTIAL_SUFFIX, parsePackageFile, STATE_DIRECTORY } from "./format.ts";

/** One package as it lies on the medium: its files in order, with the sizes they have. */
export interface ListedPackage {
  readonly name: string;
  readonly files: readonly PlannedFile[];
}

export interface BundleListing {
  readonly directory: string;
  /** Missing for bundles of other programs. */
  readonly manifest?: BundleManifest;
  readonly packages: readonly ListedPackage[];
  /** What is wrong with the files themselves: missing, too short, too long, surplus, claimed twice. */
  readonly problems: readonly FileProblem[];
}

export interface FileProblem {
  readonly file: string;
  readonly status: "missing" | "truncated" | "surplus";
  readonly error: BundleCorruptError | BundleMissingError;
}

/** Looks at the names and sizes of a bundle's files and compares them with `bundle.json`, if there is one. */
export async function listBundle(bundlePath: string): Promise<BundleListing> {
  const { directory, only } = await locateBundle(bundlePath);
  const found = await listPackageFiles(directory);
  const manifest = only === undefined ? await readBundleManifest(directory) : undefined;
  if (found.length === 0 && !manifest) throw await describeEmpty(directory);
  if (manifest) return { directory, manifest, ...compareWithManifest(directory, manifest, found) };
  const chosen = found.filter(({ packageName }) => only === undefined || packageName === only);
  return { directory, ...groupFiles(directory, chosen) };
}

/** A path names the directory of a bundle, or one file of one of its packages. */
async function locateBundle(path: string): Promise<{ directory: string; only?: string }> {
  try {
    if ((await stat(path)).isDirectory()) return { directory: path };
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT", "ENOTDIR")) throw storageError(error, path);
    throw new BundleMissingError(path, "there is no such file or directory", {
      hint: "Check the path, and that the medium is mounted",
    });
  }
  const file = parsePackageFile(basename(path));
  if (!file) {
    throw new BundleMissingError(
      path,
      "it is neither a directory nor a package (NAME.tar, NAME.tar.NNNN.chunk)",
    );
  }
  return { directory: dirname(path), only: file.packageName };
}

interface FoundFile extends PlannedFile {
  readonly packageName: string;
  readonly chunk?: number;
}

async function listPackageFiles(directory: string): Promise<FoundFile[]> {
  try {
    const names = (await readdir(directory)).sort();
    const found = await Promise.all(
      names.map(async (name) => {
        const parsed = parsePackageFile(name);
        if (!parsed) return [];
        const stats = await stat(join(directory, name));
        return stats.isFile() ? [{ ...parsed, name, size: stats.size }] : [];
      }),
    );
    return found.flat();
  } catch (error) {
    throw storageError(error, directory);
  }
}

async function describeEmpty(directory: string): Promise<BundleMissingError> {
  const names = await readdir(directory);
  if (names.includes(STATE_DIRECTORY) || names.some((name) => name.endsWith(PARTIAL_SUFFIX))) {
    return new BundleMissingError(directory, "its pull is not finished", {
      hint: "Run the same pull again: it goes on where it stopped",
    });
  }
  return new BundleMissingError(
    directory,
    "it holds no bundle.json and no package file (NAME.tar, NAME.tar.NNNN.chunk)",
    {
      hint: 'Name the directory that "mirror pull" has written',
    },
  );
}

type Compared = Pick<BundleListing, "packages" | "problems">;

function compareWithManifest(
  directory: string,
  manifest: BundleManifest,
  found: readonly FoundFile[],
): Compared {
  const sizes = new Map(found.map((file) => [file.name, file.size]));
  const planned = manifest.packages.flatMap(({ files }) => files);
  const problems = planned.flatMap(({ name, size }) =>
    compareSize(join(directory, name), name, size, sizes.get(name)),
  );
  const names = new Set(planned.map(({ name }) => name));
  const packages = new Set(manifest.packages.map(({ name }) => name));
  const surplus = found.filter(
    ({ name, packageName }) => !names.has(name) && packages.has(packageName),
  );
  return {
    packages: manifest.packages.map(({ name, files }) => ({
      name,
      files: files.map((file) => ({ name: file.name, size: file.size })),
    })),
    problems: [...problems, ...surplus.map(({ name }) => surplusProblem(directory, name))],
  };
}

function compareSize(
  path: string,
  file: string,
  wanted: number,
  found: number | undefined,
): FileProblem[] {
  if (found === wanted) return [];
  if (found === undefined) {
    const error = new BundleMissingError(path, "the file is missing", {
      hint: "Copy it from the source medium",
    });
    return [{ file, status: "missing", error }];
  }
  const reason = `the file has ${found} bytes, "bundle.json" says ${wanted}`;
  const error = new BundleCorruptError({ path, offset: Math.min(found, wanted) }, reason);
  return [{ file, status: found < wanted ? "truncated" : "surplus", error }];
}

function surplusProblem(directory: string, file: string): FileProblem {
  const error = new BundleCorruptError(
    { path: join(directory, file), offset: 0 },
    'it claims a place in a package, but "bundle.json" does not list it',
    { hint: "Remove the file: it belongs to another bundle" },
  );
  return { file, status: "surplus", error };
}

/** Without a manifest, the names are all there is: chunk numbers must run from 0 without a gap or a double. */
function groupFiles(directory: string, found: readonly FoundFile[]): Compared {
  const names = [...new Set(found.map(({ packageName }) => packageName))].sort();
  const groups = names.map((name) => {
    const files = found.filter(({ packageName }) => packageName === name);
    const sorted = files.sort((left, right) => (left.chunk ?? -1) - (right.chunk ?? -1));
    return { name, files: sorted, problems: checkNumbers(directory, name, sorted) };
  });
  return { packages: groups, problems: groups.flatMap(({ problems }) => problems) };
}

function checkNumbers(directory: string, name: string, files: readonly FoundFile[]): FileProblem[] {
  const first = files[0];
  if (files.length === 1 && first?.chunk === undefined) return [];
  for (const [expected, { name: file, chunk }] of files.entries()) {
    if (chunk === expected) continue;
    const path = join(directory, file);
    const isDouble = chunk === undefined || chunk < expected;
    const error = isDouble
      ? new BundleCorruptError(
          { path, offset: 0 },
          `two files claim the same part of package "${name}"`,
          {
            hint: "Remove the one that belongs to another bundle",
          },
        )
      : new BundleMissingError(
          path,
          `chunk ${expected} of package "${name}" is missing before it`,
          {
            hint: "Copy the missing file from the source medium",
          },
        );
    return [{ file, status: isDouble ? "surplus" : "missing", error }];
  }
  return [];
}
