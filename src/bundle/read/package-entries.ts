import type { ScannedEntry } from "../../tar/scan.ts";
import { BundleMissingError } from "../errors.ts";
import { isStrayFile, normalizeEntryPath } from "../format/format.ts";
import { enterInTable, type LayoutTable } from "../format/layout-table.ts";
import { routeLayouts } from "../format/route-layouts.ts";
import { isDockerFile, type Medium, readDockerArchive } from "./docker-archive.ts";
import { isImgpkgFile, recogniseEntries } from "./recognise.ts";

export interface PackageEntriesOptions {
  /** Number of the package. */
  readonly index: number;
  readonly name: string;
  /** There is no `bundle.json`: another program may have written it. */
  readonly isForeign: boolean;
  readonly medium: Medium;
}

/** What a package holds, by the names of its entries. */
export interface PackageContents {
  readonly layouts: readonly LayoutTable[];
  /** Those that layouts have. */
  readonly entries: readonly ScannedEntry[];
  /** Names of entries that are no part of a layout and were passed over. */
  readonly strayFiles: readonly string[];
  readonly refused: readonly RefusedEntry[];
  /** Names of entries → those that they have on the medium, where these are others. */
  readonly names: ReadonlyMap<string, string>;
}

export interface RefusedEntry {
  readonly entry: ScannedEntry;
  readonly reason: string;
  /** Missing: the package is damaged. */
  readonly hint?: string;
}

/** Entries that no layout has, kept until it is known what the package is. */
const OTHERS_LIMIT = 100_000;

/** Sorts the entries of one package: into layouts, or as what an archive of `docker save` is made of. */
export class PackageEntries {
  readonly #options: PackageEntriesOptions;
  readonly #tables = new Map<string, LayoutTable>();
  readonly #entries = new Map<string, ScannedEntry>();
  /** What no layout has. */
  readonly #others = new Map<string, ScannedEntry>();
  readonly #twice: RefusedEntry[] = [];

  constructor(options: PackageEntriesOptions) {
    this.#options = options;
  }

  enter(item: ScannedEntry): void {
    if (item.type === "directory") return;
    if (this.#others.size >= OTHERS_LIMIT) throw this.#recognise();
    const { index } = this.#options;
    const entry = { ...item, path: normalizeEntryPath(item.path) };
    if (this.#entries.has(entry.path) || this.#others.has(entry.path)) {
      this.#twice.push({ entry, reason: `entry "${entry.path}" is there twice` });
      return;
    }
    const isPart = entry.type === "file" && enterInTable(this.#tables, index, entry);
    (isPart ? this.#entries : this.#others).set(entry.path, entry);
  }

  /** To be asked when all entries are known. Throws for an archive of `docker save` that cannot be used. */
  async finish(): Promise<PackageContents> {
    if (this.#isDockerArchive()) {
      const { medium, index } = this.#options;
      const all = [...this.#entries.values(), ...this.#others.values()];
      const { table, ...rest } = await readDockerArchive({ medium, index, entries: all });
      return { ...rest, layouts: [table], strayFiles: [], refused: this.#twice };
    }
    const { isForeign, name } = this.#options;
    const isOther = this.#entries.size === 0 && this.#others.size > 0;
    if (isForeign && (isOther || [...this.#others.keys()].some(isImgpkgFile))) {
      throw this.#recognise();
    }
    if (isForeign) routeLayouts(name, this.#tables.values());
    const others = [...this.#others.values()];
    const isStray = ({ path, type }: ScannedEntry) =>
      isForeign && type === "file" && isStrayFile(path);
    const holders = isForeign ? this.#holders() : [];
    const refused = others
      .filter((entry) => !isStray(entry))
      .map((entry) => {
        return entry.type === "file" && holders.length > 0
          ? { ...refuse(entry), hint: unpackHint(holders) }
          : refuse(entry);
      });
    return {
      layouts: [...this.#tables.values()],
      entries: [...this.#entries.values()],
      strayFiles: others.filter(isStray).map(({ path }) => path),
      refused: [...this.#twice, ...refused].sort(byPosition),
      names: new Map(),
    };
  }

  /** Directories that have an image layout. */
  #holders(): string[] {
    const whole = [...this.#tables.values()].filter(({ index }) => index !== undefined);
    return whole.map(({ path }) => (path === "" ? "." : path)).sort();
  }

  /** Nothing but what no layout has: a tar of something else. */
  #recognise(): BundleMissingError {
    const { medium, index } = this.#options;
    const { path } = medium.locate({ package: index, offset: 0 });
    const { reason, hint } = recogniseEntries(path, [...this.#others.keys()]);
    return new BundleMissingError(path, reason, { hint });
  }

  #isDockerArchive(): boolean {
    const tables = [...this.#tables.values()];
    if (!this.#options.isForeign || tables.some(({ index, blobs }) => index || blobs.size > 0)) {
      return false;
    }
    const names = [...this.#entries.keys(), ...this.#others.keys()];
    return names.some(isDockerFile) && !names.some(isImgpkgFile);
  }
}

function refuse(entry: ScannedEntry): RefusedEntry {
  const { path, type } = entry;
  const reason =
    type === "other"
      ? `"${path}" is neither a regular file nor a directory`
      : `entry "${path}" is not part of an OCI image layout`;
  return { entry, reason };
}

/** Zarf and oc-mirror, for two, pack a layout with files of their own. */
function unpackHint(holders: readonly string[]): string {
  const named = holders.slice(0, 3).map((path) => `"${path}"`);
  const more = holders.length > named.length ? ", …" : "";
  return `If another program has packed it: unpack it, and name a directory that has an image layout (${named.join(", ")}${more}). Else compare the file with that on the source medium`;
}

function byPosition(left: RefusedEntry, right: RefusedEntry): number {
  return left.entry.headerOffset - right.entry.headerOffset;
}
