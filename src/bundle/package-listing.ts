import { basename, dirname, join, resolve } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { readdir, stat } from "../io/file-system.ts";
import { isDigestAlgorithm } from "../oci/digest.ts";
import { call } from "../option.ts";
import { type BundleManifest, readBundleManifest } from "./bundle-manifest.ts";
import type { PlannedFile } from "./bundle-plan.ts";
import { readChecksums } from "./checksum-file.ts";
import { compareFiles } from "./compare-files.ts";
import { BundleMissingError } from "./errors.ts";
import {
  CHECKSUM_FILE,
  PARTIAL_SUFFIX,
  type PackageFileName,
  parseArchiveFile,
  parsePackageFile,
  STATE_DIRECTORY,
} from "./format.ts";
import { groupFiles, listLostFiles } from "./group-files.ts";
import type { FoundFile, FoundPackages, ListedPackage } from "./listed-package.ts";

export interface BundleListing extends FoundPackages {
  readonly directory: string;
  /** Missing for bundles of other programs. */
  readonly manifest?: BundleManifest;
  /** A file of one package was named: the rest of its bundle is not looked at. */
  readonly isPart?: true;
  /** Package files that `bundle.json` does not list, of packages that it does not know. */
  readonly unlisted?: readonly string[];
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
  if (manifest) return { directory, manifest, ...compareFiles(directory, manifest, found) };
  if (only === undefined) {
    const isUnfinished = await isUnfinishedPull(directory, names);
    if (found.length === 0 && !isUnfinished && names.includes("index.json")) {
      return { directory, packages: [await listLayoutDirectory(directory, names)], problems: [] };
    }
    refuseWhatIsNoBundle(directory, names, { packageFiles: found.length, isUnfinished });
  }
  const isChosen = ({ packageName }: PackageFileName) => only === undefined || packageName === only;
  const listed = (await readChecksums(directory))?.sums.keys() ?? [];
  const lost = listLostFiles(names, { found, listed }).filter(isChosen);
  const groups = groupFiles(directory, found.filter(isChosen), lost);
  return { directory, ...groups, ...(only === undefined ? {} : { isPart: true }) };
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
    { hint: `Name the directory that ${call("pull")} has written` },
  );
}
