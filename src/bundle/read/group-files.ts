import { join } from "node:path";
import { BundleCorruptError, BundleMissingError } from "../errors.ts";
import type { PlannedFile } from "../format/bundle-plan.ts";
import {
  CHECKSUM_FILE,
  formatPackageFile,
  GOST_SUFFIX,
  type PackageFileName,
  parsePackageFile,
  UNFINISHED_SUFFIX,
} from "../format/format.ts";
import type { FileProblem, FoundFile, FoundPackages, ListedPackage } from "./listed-package.ts";
import { originalName } from "./recognise.ts";

interface LostFile extends PackageFileName {
  readonly name: string;
  /** What tells that it was there. */
  readonly evidence: string;
  readonly hint: string;
}

const COPY_IT = "Copy it from the source medium";

/** What lies beside a file under its name, and what to do if the file itself is not there. */
const TRACES = {
  [GOST_SUFFIX]: COPY_IT,
  [UNFINISHED_SUFFIX]: "Finish the pull that was ended there, or remove what it left",
} as const;

/**
 * Files of packages that only a trace tells of: a sum or an unfinished file beside it, or a line of `SHA256SUMS`.
 * Nothing else shows that a package or its last chunk was not copied.
 */
export function listLostFiles(
  names: readonly string[],
  { found, listed }: { readonly found: readonly FoundFile[]; readonly listed: Iterable<string> },
): readonly LostFile[] {
  const present = new Set(found.map(({ name }) => name));
  const lost = new Map<string, LostFile>();
  const enter = (name: string, evidence: string, hint: string) => {
    const parsed = present.has(name) ? undefined : parsePackageFile(name);
    if (parsed) lost.set(name, { ...parsed, name, evidence, hint });
  };
  for (const name of listed) enter(name, `"${CHECKSUM_FILE}" lists it`, COPY_IT);
  for (const [suffix, hint] of Object.entries(TRACES)) {
    for (const trace of names) {
      if (trace.endsWith(suffix))
        enter(trace.slice(0, -suffix.length), `"${trace}" is there`, hint);
    }
  }
  // A copy tells of a chunk behind the last, but only of a package that is there
  const packages = new Set(found.map(({ packageName }) => packageName));
  for (const name of names) {
    const original = originalName(name);
    const { packageName } = parsePackageFile(original) ?? {};
    if (original !== name && packageName !== undefined && packages.has(packageName)) {
      enter(original, `"${name}" is there`, COPY_IT);
    }
  }
  return [...lost.values()].sort(byChunk);
}

/**
 * Without a manifest, the names are all there is: chunk numbers must run from 0 without a gap or a double, and the file
 * of every sum must be there.
 */
export function groupFiles(
  directory: string,
  found: readonly FoundFile[],
  lost: readonly LostFile[],
): FoundPackages {
  const [foundOf, lostOf] = [byPackage(found), byPackage(lost)];
  const names = [...new Set([...foundOf.keys(), ...lostOf.keys()])].sort();
  const groups = names.map((name) => {
    // a package may be all lost, or have lost nothing
    const files = (foundOf.get(name) ?? []).sort(byChunk);
    const group = groupPackage(directory, name, files);
    const last = files.length === 0 ? -1 : (files.at(-1)?.chunk ?? 0);
    const behind = (lostOf.get(name) ?? []).filter(({ chunk }) => (chunk ?? 0) > last);
    return addLostFiles(directory, group, behind);
  });
  return {
    packages: groups.map((group) => group.package),
    problems: groups.flatMap(({ problems }) => problems),
  };
}

/** What to do about a package that ends too early: nothing tells of a last chunk that is missing. */
export function hintOfCutOff({ files }: ListedPackage): string | undefined {
  const last = files.at(-1)?.name ?? "";
  const { packageName, chunk } = parsePackageFile(last) ?? {};
  if (packageName === undefined || chunk === undefined) return undefined;
  const next = formatPackageFile(packageName, chunk + 1);
  return `Copy "${last}" again from the source medium, and "${next}" if it is there`;
}

function byPackage<File extends PackageFileName>(files: readonly File[]): Map<string, File[]> {
  const packages = new Map<string, File[]>();
  for (const file of files) {
    const known = packages.get(file.packageName);
    if (known) known.push(file);
    else packages.set(file.packageName, [file]);
  }
  return packages;
}

function byChunk(left: PackageFileName, right: PackageFileName): number {
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
    const isDouble = files.length > 0 && (chunk === undefined || chunk < next);
    const isBesideWhole = files.length > 0 && found[0]?.chunk === undefined;
    if (isDouble || isBesideWhole) {
      const twin = found.find((file) => file.name !== name && (file.chunk ?? 0) === (chunk ?? 0));
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
  const problems = lost.map(({ name, evidence, hint }): FileProblem => {
    const reason = `the file is missing, ${evidence}`;
    const error = new BundleMissingError(join(directory, name), reason, { hint });
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
