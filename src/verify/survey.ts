import type { BundleReader } from "../bundle/bundle-reader.ts";
import { startsOf } from "../bundle/chunk-plan.ts";
import { isStrayFile, normalizeEntryPath, parseLayoutEntry } from "../bundle/format.ts";
import { enterInTable, entriesOfFiles, type LayoutTable } from "../bundle/layout-table.ts";
import { routeLayouts } from "../bundle/route-layouts.ts";
import { type Extent, salvagePackage } from "../bundle/salvage-package.ts";
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
  /** Files to hash with Streebog-256 too. */
  readonly gost: ReadonlySet<string>;
  readonly onProgress: (bytes: number) => void;
}

/** Scans the headers of a package, then reads all of it once. */
export async function surveyPackage(options: SurveyOptions): Promise<Survey> {
  const { reader, index, available, gost, onProgress, signal } = options;
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

type Scan = Pick<Survey, "entries" | "layouts" | "strayFiles" | "damages">;

async function scanEntries({ reader, index, signal }: ScanOptions, extent: Extent): Promise<Scan> {
  const tables = new Map<string, LayoutTable>();
  const entries = new Map<string, ScannedEntry>();
  const strayFiles: string[] = [];
  const damages: Damage[] = [];
  const listed = reader.listing.packages[index];
  const isForeign = reader.manifest === undefined;
  const found = listed?.isDirectory
    ? entriesOfFiles(listed.files)
    : salvageEntries({ reader, index, signal }, extent, (damage) => damages.push(damage));
  for await (const item of found) {
    if (item.type === "directory") continue;
    const entry = { ...item, path: normalizeEntryPath(item.path) };
    const { path, headerOffset } = entry;
    const isDouble = entries.has(path);
    if (!isDouble && enterInTable(tables, index, entry)) {
      entries.set(path, entry);
      continue;
    }
    if (!isDouble && isForeign && isStrayFile(path)) {
      strayFiles.push(path);
      continue;
    }
    const fault = isDouble ? "is there twice" : "is not part of an OCI image layout";
    const reason = `entry "${path}" ${fault}`;
    const place = { start: headerOffset, end: entry.offset, offset: headerOffset };
    damages.push({ kind: "name", ...place, reason, entry: path });
  }
  if (isForeign) routeLayouts(listed?.name ?? "", tables.values());
  return { entries: [...entries.values()], layouts: [...tables.values()], strayFiles, damages };
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
    accepts: (path) => parseLayoutEntry(path) !== undefined || (isForeign && isStrayFile(path)),
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
