import type { Stats } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { hasErrorCode, storageError } from "../../io/errors.ts";
import { readdir, stat } from "../../io/file-system.ts";
import { describeKind } from "../../io/open-file.ts";
import { isDigestAlgorithm } from "../../oci/digest.ts";
import { isTarHeader } from "../../tar/header-block.ts";
import { BundleMissingError } from "../errors.ts";
import type { PlannedFile } from "../format/bundle-plan.ts";
import {
  CHECKSUM_FILE,
  PARTIAL_SUFFIX,
  type PackageFileName,
  parseArchiveFile,
  parseLayoutEntry,
  parsePackageFile,
} from "../format/format.ts";
import { isStateOfPull, STATE_DIRECTORY } from "../format/state-directory.ts";
import type { BundleListing } from "./bundle-listing.ts";
import { readChecksums } from "./checksum-file.ts";
import { type Claims, NO_CLAIMS, readClaims } from "./claims.ts";
import { compareFiles } from "./compare-files.ts";
import { explainListing, readHead } from "./explain-listing.ts";
import { findNested } from "./find-nested.ts";
import { groupFiles, listLostFiles } from "./group-files.ts";
import type { FileProblem, FoundFile, FoundPackages, ListedPackage } from "./listed-package.ts";
import { recogniseBytes, recogniseDirectory, recogniseName } from "./recognise.ts";

/**
 * Looks at the names and sizes of a bundle's files and compares them with `bundle.json`, if there is one. An
 * unfinished pull is no bundle, even if some of its packages are complete.
 */
export async function listBundle(bundlePath: string): Promise<BundleListing> {
  return await explainListing(await listAsFound(bundlePath));
}

async function listAsFound(bundlePath: string): Promise<BundleListing> {
  const { directory, only, archive } = await locateBundle(bundlePath);
  if (archive) return { directory, claims: NO_CLAIMS, packages: [archive], problems: [] };
  const names = await listNames(directory);
  const claims = only === undefined ? await readClaims(directory) : await readSums(directory);
  const contents = { directory, names, claims, files: await listPackageFiles(directory, names) };
  if (only !== undefined) return listPart(contents, only);
  const { found, unfit } = contents.files;
  const { manifest } = claims;
  if (manifest) {
    const compared = compareFiles(directory, manifest, found);
    return { directory, claims, manifest, ...nameUnfit(compared, contents) };
  }
  const packageFiles = found.length + unfit.length;
  const isUnfinished = await isUnfinishedPull(directory, names);
  if (packageFiles === 0 && !isUnfinished && names.includes("index.json")) {
    return { directory, claims, ...(await listLayoutDirectory(directory, names)) };
  }
  await refuseWhatIsNoBundle(directory, names, { packageFiles, isUnfinished });
  return { directory, claims, ...groupAll(contents) };
}

/** Of a bundle that is not looked at as a whole, only the names that were there. */
async function readSums(directory: string): Promise<Claims> {
  const { sums } = (await readChecksums(directory)) ?? {};
  return { ...NO_CLAIMS, ...(sums ? { sha256: sums } : {}) };
}

interface Contents {
  readonly directory: string;
  readonly names: readonly string[];
  readonly claims: Claims;
  readonly files: PackageFiles;
}

/** One package, whatever else the directory has. */
function listPart({ files, ...contents }: Contents, only: string): BundleListing {
  const isChosen = ({ packageName }: PackageFileName) => packageName === only;
  const chosen = { found: files.found.filter(isChosen), unfit: files.unfit.filter(isChosen) };
  const groups = groupAll({ ...contents, files: chosen }, isChosen);
  return { directory: contents.directory, claims: NO_CLAIMS, ...groups, isPart: true };
}

function groupAll(
  { directory, names, claims, files }: Contents,
  isChosen: (file: PackageFileName) => boolean = () => true,
): FoundPackages {
  const { found } = files;
  const lost = listLostFiles(names, { found, listed: claims.sha256.keys() }).filter(isChosen);
  return nameUnfit(groupFiles(directory, [...found], lost), { directory, files });
}

/** What stands in the place of a file is said instead of the file being missing. */
function nameUnfit<Listed extends FoundPackages & { readonly unlisted?: readonly string[] }>(
  listed: Listed,
  { directory, files: { unfit } }: Pick<Contents, "directory" | "files">,
): Listed {
  const packages = new Set(listed.packages.map(({ name }) => name));
  const isClaimed = ({ packageName }: UnfitFile) => !listed.unlisted || packages.has(packageName);
  const claimed = unfit.filter(isClaimed);
  const names = new Set(claimed.map(({ name }) => name));
  const others = unfit.filter((file) => !isClaimed(file)).map(({ name }) => name);
  return {
    ...listed,
    problems: [
      ...listed.problems.filter(({ file }) => !names.has(file)),
      ...claimed.map((file) => unfitProblem(directory, file)),
    ],
    ...(listed.unlisted ? { unlisted: [...listed.unlisted, ...others] } : {}),
  };
}

function unfitProblem(
  directory: string,
  { name, kind }: Pick<UnfitFile, "name" | "kind">,
): FileProblem {
  const error = new BundleMissingError(join(directory, name), `it is ${kind} and no file`, {
    hint: "Put the file itself in its place",
  });
  return { file: name, status: "missing", size: 0, error };
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
  let stats: Stats;
  try {
    stats = await stat(path);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT", "ENOTDIR")) throw storageError(error, path);
    throw new BundleMissingError(path, "there is no such file or directory", {
      hint: "Check the path, and that the medium is mounted",
    });
  }
  if (stats.isDirectory()) return { directory: path };
  const kind = describeKind(stats);
  if (kind !== undefined) {
    throw new BundleMissingError(path, `it is ${kind}, and a package is not read in order`, {
      hint: "Write the package to a file first",
    });
  }
  const { size } = stats;
  const name = basename(path);
  const file = parsePackageFile(name);
  if (!file) {
    const archive = parseArchiveFile(name);
    if (archive !== undefined) {
      return { directory: dirname(path), archive: { name: archive, files: [{ name, size }] } };
    }
    return { directory: dirname(path), archive: await recogniseArchive(path, size) };
  }
  return { directory: dirname(path), only: file.packageName };
}

/** The name of an archive is free where its first bytes tell that it is a tar. */
async function recogniseArchive(path: string, size: number): Promise<ListedPackage> {
  const name = basename(path);
  const head = await readHead(path);
  if (isTarHeader(head)) return { name, files: [{ name, size }] };
  const { reason, hint } = recogniseBytes(path, head) ?? recogniseName(path);
  throw new BundleMissingError(path, reason, hint === undefined ? {} : { hint });
}

async function listNames(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    throw storageError(error, directory);
  }
}

/** A name that claims a place in a package and is no file. */
interface UnfitFile extends PackageFileName {
  readonly name: string;
  /** `a named pipe` */
  readonly kind: string;
}

interface PackageFiles {
  readonly found: readonly FoundFile[];
  readonly unfit: readonly UnfitFile[];
}

async function listPackageFiles(
  directory: string,
  names: readonly string[],
): Promise<PackageFiles> {
  const all = await Promise.all(
    names.map(async (name) => {
      const parsed = parsePackageFile(name);
      return parsed ? [{ ...parsed, ...(await describeFile(directory, name)) }] : [];
    }),
  );
  const files = all.flat();
  return {
    found: files.filter((file) => "size" in file),
    unfit: files.filter((file) => "kind" in file),
  };
}

/** Whether a pull was interrupted here. A push of a bundle without `bundle.json` keeps its sessions in the same place. */
async function isUnfinishedPull(directory: string, names: readonly string[]): Promise<boolean> {
  if (names.some((name) => name.endsWith(PARTIAL_SUFFIX))) return true;
  if (!names.includes(STATE_DIRECTORY)) return false;
  const state = await listNames(join(directory, STATE_DIRECTORY));
  return isStateOfPull(state);
}

/** `index.json`, `oci-layout` and the blobs of an image-layout directory; anything else in it is foreign. */
async function listLayoutDirectory(
  directory: string,
  names: readonly string[],
): Promise<FoundPackages> {
  const paths = LAYOUT_FILES.filter((name) => names.includes(name));
  if (names.includes("blobs")) {
    for (const algorithm of await listNames(join(directory, "blobs"))) {
      if (!isDigestAlgorithm(algorithm)) continue;
      const blobs = await listNames(join(directory, "blobs", algorithm));
      paths.push(...blobs.map((name) => `blobs/${algorithm}/${name}`));
    }
  }
  const all = await Promise.all(paths.map((name) => describeFile(directory, name)));
  const name = basename(resolve(directory));
  const unfit = all.filter((file) => "kind" in file && parseLayoutEntry(file.name) !== undefined);
  return {
    packages: [{ name, files: all.filter((file) => "size" in file), isDirectory: true }],
    problems: unfit.flatMap((file) => ("kind" in file ? [unfitProblem(directory, file)] : [])),
  };
}

const LAYOUT_FILES: string[] = ["index.json", "oci-layout"];

type DescribedFile = PlannedFile | { readonly name: string; readonly kind: string };

async function describeFile(directory: string, name: string): Promise<DescribedFile> {
  const path = join(directory, name);
  try {
    const stats = await stat(path);
    const kind = describeKind(stats);
    return kind === undefined ? { name, size: stats.size } : { name, kind };
  } catch (error) {
    throw storageError(error, path);
  }
}

interface Emptiness {
  readonly packageFiles: number;
  readonly isUnfinished: boolean;
}

async function refuseWhatIsNoBundle(
  directory: string,
  names: readonly string[],
  { packageFiles, isUnfinished }: Emptiness,
): Promise<void> {
  if (isUnfinished) {
    throw new BundleMissingError(directory, "its pull is not finished", {
      hint: "Run the same pull again: it goes on where it stopped",
    });
  }
  if (packageFiles > 0 || names.includes(CHECKSUM_FILE)) return;
  const nested = await findNested(directory, names);
  const { reason, hint } = recogniseDirectory(directory, names, nested);
  throw new BundleMissingError(directory, reason, { hint });
}
