import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { isDigestAlgorithm } from "../oci/digest.ts";
import { type BundleManifest, readBundleManifest } from "./bundle-manifest.ts";
import type { PlannedFile } from "./bundle-plan.ts";
import { BundleCorruptError, BundleMissingError } from "./errors.ts";
import {
  CHECKSUM_FILE,
  formatPackageFile,
  GOST_SUFFIX,
  PARTIAL_SUFFIX,
  type PackageFileName,
  parseArchiveFile,
  parsePackageFile,
  STATE_DIRECTORY,
} from "./format.ts";

/** One package as it lies on the medium: its files in order, with the sizes they have. */
interface ListedPackage {
  readonly name: string;
  readonly files: readonly PlannedFile[];
  /** The files are those of an image-layout directory, not the parts of a tar. */
  readonly isDirectory?: true;
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
  /** Bytes that are there. */
  readonly size: number;
  readonly error: BundleCorruptError | BundleMissingError;
}

export interface ListBundleOptions {
  /** Reads `bundle.json` of the directory; undefined if there is none, or none that can be believed. */
  readonly readManifest?: (directory: string) => Promise<BundleManifest | undefined>;
}

/**
 * Looks at the names and sizes of a bundle's files and compares them with `bundle.json`, if there is one. An
 * unfinished pull is no bundle, even if some of its packages are complete.
 */
export async function listBundle(
  bundlePath: string,
  { readManifest = readBundleManifest }: ListBundleOptions = {},
): Promise<BundleListing> {
  const { directory, only, archive } = await locateBundle(bundlePath);
  if (archive) return { directory, packages: [archive], problems: [] };
  const names = await listNames(directory);
  const found = await listPackageFiles(directory, names);
  const manifest = only === undefined ? await readManifest(directory) : undefined;
  if (manifest) return { directory, manifest, ...compareWithManifest(directory, manifest, found) };
  if (only === undefined) {
    const isUnfinished = await isUnfinishedPull(directory, names);
    if (found.length === 0 && !isUnfinished && names.includes("index.json")) {
      return { directory, packages: [await listLayoutDirectory(directory, names)], problems: [] };
    }
    refuseWhatIsNoBundle(directory, names, { packageFiles: found.length, isUnfinished });
  }
  const isChosen = ({ packageName }: PackageFileName) => only === undefined || packageName === only;
  const lost = listLostFiles(names, found).filter(isChosen);
  return { directory, ...groupFiles(directory, found.filter(isChosen), lost) };
}

interface Location {
  readonly directory: string;
  /** The package that the path names a file of. */
  readonly only?: string;
  /** An archive of another program, whose name says nothing. */
  readonly archive?: ListedPackage;
}

/** A path names the directory of a bundle, one file of one of its packages, or an archive of another program. */
async function locateBundle(path: string): Promise<Location> {
  let size: number;
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) return { directory: path };
    size = stats.size;
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT", "ENOTDIR")) throw storageError(error, path);
    throw new BundleMissingError(path, "there is no such file or directory", {
      hint: "Check the path, and that the medium is mounted",
    });
  }
  const name = basename(path);
  const file = parsePackageFile(name);
  if (!file) {
    const archive = parseArchiveFile(name);
    if (archive !== undefined) {
      return { directory: dirname(path), archive: { name: archive, files: [{ name, size }] } };
    }
    throw new BundleMissingError(
      path,
      "it is neither a directory nor a package (NAME.tar, NAME.tar.NNNN.chunk, NAME.oci)",
    );
  }
  return { directory: dirname(path), only: file.packageName };
}

interface FoundFile extends PlannedFile {
  readonly packageName: string;
  readonly chunk?: number;
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    throw storageError(error, directory);
  }
}

async function listPackageFiles(
  directory: string,
  names: readonly string[],
): Promise<readonly FoundFile[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const parsed = parsePackageFile(name);
      if (!parsed) return [];
      const file = await describeFile(directory, name);
      return file ? [{ ...parsed, ...file }] : [];
    }),
  );
  return found.flat();
}

/** Whether a pull was interrupted here. A push of a bundle without `bundle.json` keeps its sessions in the same place. */
async function isUnfinishedPull(directory: string, names: readonly string[]): Promise<boolean> {
  if (names.some((name) => name.endsWith(PARTIAL_SUFFIX))) return true;
  if (!names.includes(STATE_DIRECTORY)) return false;
  const state = await listNames(join(directory, STATE_DIRECTORY));
  return state.length === 0 || state.some((name) => !name.startsWith("push-"));
}

/** `index.json`, `oci-layout` and the blobs of an image-layout directory; anything else in it is foreign. */
async function listLayoutDirectory(
  directory: string,
  names: readonly string[],
): Promise<ListedPackage> {
  const paths = ["index.json", "oci-layout"].filter((name) => names.includes(name));
  if (names.includes("blobs")) {
    for (const algorithm of await listNames(join(directory, "blobs"))) {
      if (!isDigestAlgorithm(algorithm)) continue;
      const blobs = await listNames(join(directory, "blobs", algorithm));
      paths.push(...blobs.map((name) => `blobs/${algorithm}/${name}`));
    }
  }
  const files = await Promise.all(paths.map((name) => describeFile(directory, name)));
  const name = basename(resolve(directory));
  return { name, files: files.filter((file) => file !== undefined), isDirectory: true };
}

async function describeFile(directory: string, name: string): Promise<PlannedFile | undefined> {
  const path = join(directory, name);
  try {
    const stats = await stat(path);
    return stats.isFile() ? { name, size: stats.size } : undefined;
  } catch (error) {
    throw storageError(error, path);
  }
}

interface Contents {
  readonly packageFiles: number;
  readonly isUnfinished: boolean;
}

function refuseWhatIsNoBundle(
  directory: string,
  names: readonly string[],
  { packageFiles, isUnfinished }: Contents,
): void {
  if (isUnfinished) {
    throw new BundleMissingError(directory, "its pull is not finished", {
      hint: "Run the same pull again: it goes on where it stopped",
    });
  }
  if (packageFiles > 0 || names.includes(CHECKSUM_FILE)) return;
  throw new BundleMissingError(
    directory,
    "it holds no bundle.json and no package file (NAME.tar, NAME.tar.NNNN.chunk)",
    { hint: 'Name the directory that "mirror pull" has written' },
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
    problems: [...problems, ...surplus.map((file) => surplusProblem(directory, file))],
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
    return [{ file, status: "missing", size: 0, error }];
  }
  const reason = `the file has ${found} bytes, "bundle.json" says ${wanted}`;
  const error = new BundleCorruptError({ path, offset: Math.min(found, wanted) }, reason);
  return [{ file, status: found < wanted ? "truncated" : "surplus", size: found, error }];
}

function surplusProblem(directory: string, { name, size }: FoundFile): FileProblem {
  const error = new BundleCorruptError(
    { path: join(directory, name), offset: 0 },
    'it claims a place in a package, but "bundle.json" does not list it',
    { hint: "Remove the file: it belongs to another bundle" },
  );
  return { file: name, status: "surplus", size, error };
}

interface LostFile extends PackageFileName {
  readonly name: string;
}

/** Files whose sum is there: all that tells of a last chunk that was not copied. */
function listLostFiles(names: readonly string[], found: readonly FoundFile[]): LostFile[] {
  return names.flatMap((sum) => {
    if (!sum.endsWith(GOST_SUFFIX)) return [];
    const name = sum.slice(0, -GOST_SUFFIX.length);
    const parsed = parsePackageFile(name);
    return parsed && !found.some((file) => file.name === name) ? [{ ...parsed, name }] : [];
  });
}

/**
 * Without a manifest, the names are all there is: chunk numbers must run from 0 without a gap or a double, and the file
 * of every sum must be there.
 */
function groupFiles(
  directory: string,
  found: readonly FoundFile[],
  lost: readonly LostFile[],
): Compared {
  const names = [...new Set([...found, ...lost].map(({ packageName }) => packageName))].sort();
  const groups = names.map((name) => {
    const files = found.filter(({ packageName }) => packageName === name);
    const group = groupPackage(directory, name, files.sort(byChunk));
    const last = Math.max(-1, ...files.map(({ chunk }) => chunk ?? 0));
    const behind = lost.filter(
      ({ packageName, chunk }) => packageName === name && (chunk ?? 0) > last,
    );
    return addLostFiles(directory, group, behind);
  });
  return {
    packages: groups.map((group) => group.package),
    problems: groups.flatMap(({ problems }) => problems),
  };
}

function byChunk(left: FoundFile, right: FoundFile): number {
  return (left.chunk ?? -1) - (right.chunk ?? -1);
}

interface PackageGroup {
  readonly package: ListedPackage;
  readonly problems: readonly FileProblem[];
}

/**
 * A gap is one problem: the number of missing chunks is not bounded by what is on the medium. They get the size of the
 * first chunk found, which is right for all but the last of a package.
 */
function groupPackage(
  directory: string,
  packageName: string,
  found: readonly FoundFile[],
): PackageGroup {
  const files: PlannedFile[] = [];
  const problems: FileProblem[] = [];
  let next = 0;
  for (const { name, size, chunk } of found) {
    const twin = found.find((file) => file.name !== name && (file.chunk ?? 0) === (chunk ?? 0));
    const isDouble = files.length > 0 && (chunk === undefined || chunk < next);
    const isBesideWhole = files.length > 0 && found[0]?.chunk === undefined;
    if (isDouble || isBesideWhole) {
      const other = twin?.name ?? found[0]?.name ?? "";
      problems.push(doubleProblem(directory, { file: name, size, other, packageName }));
      continue;
    }
    if (chunk !== undefined && chunk > next) {
      const gap = { packageName, from: next, to: chunk - 1 };
      const problem = gapProblem(directory, gap);
      problems.push(problem);
      const count = Math.min(chunk - next, found.length);
      files.push({ name: problem.file, size: (found[0]?.size ?? 0) * count });
    }
    files.push({ name, size });
    next = (chunk ?? 0) + 1;
  }
  return { package: { name: packageName, files }, problems };
}

/** Missing files behind all that were found; they get the size of the first one. */
function addLostFiles(
  directory: string,
  group: PackageGroup,
  lost: readonly LostFile[],
): PackageGroup {
  const size = group.package.files[0]?.size ?? 0;
  const files = lost.map(({ name }) => ({ name, size }));
  const problems = lost.map(({ name }): FileProblem => {
    const error = new BundleMissingError(
      join(directory, name),
      `the file is missing, "${name}${GOST_SUFFIX}" is there`,
      { hint: "Copy it from the source medium" },
    );
    return { file: name, status: "missing", size: 0, error };
  });
  return {
    package: { ...group.package, files: [...group.package.files, ...files] },
    problems: [...group.problems, ...problems],
  };
}

interface Double {
  readonly file: string;
  readonly size: number;
  readonly other: string;
  readonly packageName: string;
}

function doubleProblem(directory: string, { file, size, other, packageName }: Double): FileProblem {
  const error = new BundleCorruptError(
    { path: join(directory, file), offset: 0 },
    `"${other}" claims the same part of package "${packageName}"`,
    { hint: "Remove the one that belongs to another bundle" },
  );
  return { file, status: "surplus", size, error };
}

interface Gap {
  readonly packageName: string;
  readonly from: number;
  readonly to: number;
}

function gapProblem(directory: string, { packageName, from, to }: Gap): FileProblem {
  const file = formatPackageFile(packageName, from);
  const last = to > from ? ` (and all up to "${formatPackageFile(packageName, to)}")` : "";
  const error = new BundleMissingError(join(directory, file), `the file is missing${last}`, {
    hint: "Copy it from the source medium",
  });
  return { file, status: "missing", size: 0, error };
}
