import type { Digest } from "../../oci/digest.ts";
import type { ScannedEntry } from "../../tar/scan.ts";
import type { PlannedFile } from "./bundle-plan.ts";
import { startsOf } from "./chunk-plan.ts";
import { parseLayoutEntry } from "./format.ts";

/** Where bytes lie: `size` bytes from `offset` of a package. */
export interface Place {
  readonly package: number;
  readonly offset: number;
  readonly size: number;
  /** What is read from memory: the medium does not have it. */
  readonly bytes?: Buffer;
}

/** The entry table of one layout. */
export interface LayoutTable {
  /** Path inside the package. */
  readonly path: string;
  /** Repository path below the target: the path, but for old packages of `d8 mirror`. */
  repository: string;
  readonly package: number;
  index?: Place;
  readonly blobs: Map<Digest, Place>;
  /** Its manifests were made here, from an archive that has none. */
  readonly isMade?: true;
}

/** The files of an image-layout directory, one behind the other as if they were entries without headers. */
export function entriesOfFiles(files: readonly PlannedFile[]): ScannedEntry[] {
  const starts = startsOf(files);
  return files.map(({ name, size }, position) => {
    const offset = starts[position] ?? 0;
    return { path: name, type: "file", headerOffset: offset, offset, size };
  });
}

/** Enters one entry into the table of its layout; false for a name that no layout has. */
export function enterInTable(
  tables: Map<string, LayoutTable>,
  index: number,
  { path, offset, size }: ScannedEntry,
): boolean {
  const name = parseLayoutEntry(path);
  if (!name) return false;
  const table: LayoutTable = tables.get(name.layout) ?? {
    path: name.layout,
    repository: name.layout,
    package: index,
    blobs: new Map(),
  };
  tables.set(name.layout, table);
  const place = { package: index, offset, size };
  if (name.kind === "index") table.index = place;
  if (name.kind === "blob") table.blobs.set(name.digest, place);
  return true;
}
