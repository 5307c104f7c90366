import { BundleMissingError } from "../bundle/errors.ts";
import { startsOf } from "../bundle/format/chunk-plan.ts";
import { isStrayFile, normalizeEntryPath, parseLayoutEntry } from "../bundle/format/format.ts";
import { entriesOfFiles, type LayoutTable } from "../bundle/format/layout-table.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import { isDockerFile } from "../bundle/read/docker-archive.ts";
import { PackageEntries, type RefusedEntry } from "../bundle/read/package-entries.ts";
import { type Extent, salvagePackage } from "../bundle/read/salvage-package.ts";
import { MirrorError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { OperationOptions } from "../store/store.ts";
import { paddingOf } from "../tar/block.ts";
import type { ScannedEntry } from "../tar/scan.ts";
import { type HashedFile, hashPackage, type Region } from "./hash-package.ts";

/** One package as its bytes show it, whatever is missing or damaged. */
export interface Survey {
  readonly package: number;
  readonly files: readonly SurveyedFile[];
  readonly entries: readonly ScannedEntry[];
  readonly layouts: readonly LayoutTable[];
  /** Entries that are no part of a layout and are passed over. */
  readonly strayFiles: readonly string[];
  /** Names of entries → those that they have on the medium, where these are others. */
  readonly names: ReadonlyMap<string, string>;
  /** Why nothing of it could be made out. */
  readonly failure?: MirrorError;
  /** In order of position, the first of each place only. */
  readonly damages: readonly Damage[];
}

export interface SurveyedFile extends HashedFile {
  readonly name: string;
  /** Position in the package. */
  readonly start: number;
  readonly end: number;
}

/** Bytes of a package that are not what they must be. */
export interface Damage {
  /** `header`: entries may be hidden in it; `name`: an entry that no layout has, or has twice. */
  readonly kind: "header" | "name" | "blob" | "padding";
  readonly start: number;
  readonly end: number;
  /** Where to look first. */
  readonly offset: number;
  readonly reason: string;
  readonly hint?: string;
  readonly entry?: string;
  readonly digest?: Digest;
}

export interface SurveyOptions extends OperationOptions {
  readonly reader: BundleReader;
  readonly index: number;
  /** Bytes of each file that are on the medium. */
  readonly available: ReadonlyMap<string, number>;
  /** Files whose hash is known. */
  readonly summed: ReadonlyMap<string, string>;
  /** Files to hash with Streebog-256 too. */
  readonly gost: ReadonlySet<string>;
  readonly onProgress: (bytes: number) => void;
}

/** Scans the headers of a package, then reads all of it once. */
export async function surveyPackage(options: SurveyOptions): Promise<Survey> {
  const { reader, index, available, summed, gost, onProgress, signal } = options;
  const planned = reader.listing.packages[index]?.files ?? [];
  const starts = startsOf(planned);
  const sizes = planned.map(({ name, size }) => Math.min(available.get(name) ?? size, size));
  const scan = await scanEntries(options, { starts, sizes });
  const { files, damaged } = await hashPackage({
    file: reader.packageFile(index),
    hasher: reader.hasher,
    files: planned.map(({ name, size }, position) => ({
      size,
      available: sizes[position] ?? size,
      isSummed: summed.has(name),
      gost: gost.has(name),
    })),
    regions: scan.entries
      .flatMap((entry) => regionsOf(entry, starts.at(-1) ?? 0))
      .filter(({ digest }) => digest !== undefined || !reader.listing.packages[index]?.isDirectory),
    onProgress,
    signal,
  });
  return {
    ...scan,
    package: index,
    files: files.map((file, position) => ({
      ...file,
      name: planned[position]?.name ?? "",
      start: starts[position] ?? 0,
      end: starts[position + 1] ?? 0,
    })),
    damages: [...scan.damages, ...damaged.map(toDamage)].sort(
      (left, right) => left.start - right.start,
    ),
  };
}

type ScanOptions = Pick<SurveyOptions, "reader" | "index" | "signal">;

type Scan = Pick<Survey, "entries" | "layouts" | "strayFiles" | "names" | "damages" | "failure">;

async function scanEntries({ reader, index, signal }: ScanOptions, extent: Extent): Promise<Scan> {
  const damages: Damage[] = [];
  const listed = reader.listing.packages[index];
  const isForeign = reader.manifest === undefined;
  const name = listed?.name ?? "";
  const entries = new PackageEntries({ index, name, isForeign, medium: reader });
  const found = listed?.isDirectory
    ? entriesOfFiles(listed.files)
    : salvageEntries({ reader, index, signal }, extent, (damage) => damages.push(damage));
  try {
    if (extent.sizes[0] !== 0) await reader.refuseCompressed(index).catch(passUnreadable);
    for await (const entry of found) entries.enter(entry);
    const { refused, ...contents } = await entries.finish();
    return { ...contents, damages: [...damages, ...refused.map(toNameDamage)] };
  } catch (failure) {
    // What is another kind of file has no damage; what is damaged may lack the rest because of it
    if (failure instanceof BundleMissingError) return { ...NOTHING_FOUND, damages: [], failure };
    if (!(failure instanceof MirrorError)) throw failure;
    return { ...NOTHING_FOUND, damages, ...(damages.length > 0 ? {} : { failure }) };
  }
}

/** A medium that cannot be read is told by the one who reads all of it. */
function passUnreadable(error: unknown): void {
  if (error instanceof BundleMissingError || !(error instanceof MirrorError)) throw error;
}

const NOTHING_FOUND = { entries: [], layouts: [], strayFiles: [], names: new Map() } as const;

function toNameDamage({ entry, reason, hint }: RefusedEntry): Damage {
  const { path, headerOffset, offset } = entry;
  const place = { start: headerOffset, end: offset, offset: headerOffset };
  return { kind: "name", ...place, reason, entry: path, ...(hint ? { hint } : {}) };
}

/** The entries of a tar, also behind what is damaged or missing. */
function salvageEntries(
  { reader, index, signal }: ScanOptions,
  extent: Extent,
  onDamage: (damage: Damage) => void,
): AsyncIterable<ScannedEntry> {
  const isForeign = reader.manifest === undefined;
  return salvagePackage(reader.packageFile(index), {
    ...extent,
    signal,
    isLenient: isForeign,
    accepts: (path) =>
      parseLayoutEntry(path) !== undefined ||
      (isForeign && (isStrayFile(path) || isDockerFile(normalizeEntryPath(path)))),
    onDamage: ({ path, isCutOff, ...damage }) => {
      const hint = isCutOff ? reader.hintOfCutOff(index) : undefined;
      onDamage({
        kind: "header",
        ...damage,
        ...(path === undefined ? {} : { entry: path }),
        ...(hint === undefined ? {} : { hint }),
      });
    },
  });
}

/** A blob must have its digest, and what fills its last block must be zeros, as far as the package goes. */
function regionsOf({ path, offset, size }: ScannedEntry, packageSize: number): Region[] {
  const name = parseLayoutEntry(path);
  const end = offset + size;
  const padding = Math.min(paddingOf(size), packageSize - end);
  return [
    ...(name?.kind === "blob" ? [{ start: offset, end, entry: path, digest: name.digest }] : []),
    ...(padding > 0 ? [{ start: end, end: end + padding, entry: path }] : []),
  ];
}

function toDamage({ start, end, entry, digest }: Region): Damage {
  const reason = digest
    ? "its bytes do not have this digest"
    : `the padding behind "${entry}" is not zero`;
  const kind = digest ? "blob" : "padding";
  return { kind, start, end, offset: start, reason, entry, ...(digest ? { digest } : {}) };
}
