import { ContentInvalidError } from "../oci/errors.ts";
import {
  type ChartArchive,
  type ChartMetadata,
  isRecord,
  parseYaml,
  readChart,
  readMetadata,
  textOf,
} from "./chart-archive.ts";

/** A chart with the charts inside it. */
export interface ChartNode {
  readonly metadata: ChartMetadata;
  /** Default values as the charts above it leave them. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Path in the outermost chart: empty, `charts/redis`. */
  readonly path: string;
}

export interface ChartTree {
  readonly nodes: readonly ChartNode[];
  /** What cannot be read, and why. */
  readonly unread: readonly string[];
}

/** Charts inside charts, and how deep: far more than there are, and few enough to be read. */
const NODE_LIMIT = 64;
const DEPTH_LIMIT = 8;

interface Place {
  readonly path: string;
  readonly subject: string;
  readonly depth: number;
  /** What the charts above say of the values of this one, the nearest last. */
  readonly above: readonly Readonly<Record<string, unknown>>[];
}

/** Reads a chart and what is packed into it, each with its default values (helm.sh/docs/chart_template_guide/subcharts_and_globals). */
export async function readChartTree(archive: ChartArchive, subject: string): Promise<ChartTree> {
  const reader = new TreeReader();
  await reader.read(archive, { path: "", subject, depth: 0, above: [] });
  return reader;
}

class TreeReader implements ChartTree {
  readonly nodes: ChartNode[] = [];
  readonly unread: string[] = [];

  async read({ metadata, files }: ChartArchive, place: Place): Promise<void> {
    const { path, depth, subject } = place;
    if (depth > DEPTH_LIMIT || this.nodes.length >= NODE_LIMIT) {
      this.unread.push(`${path}: there are too many charts in each other`);
      return;
    }
    const own = await this.#readValues(files.get("values.yaml"), place);
    const values = place.above.reduce(mergeValues, own);
    const children = childrenOf(files);
    const names = new Set<string>();
    const below: (() => Promise<void>)[] = [];
    for (const [name, child] of children) {
      const childPath = join(path, `charts/${name}`);
      const about = { path: childPath, subject: `"${childPath}" of ${subject}`, depth: depth + 1 };
      const read = await this.#readChild(child, about);
      if (read === undefined) continue;
      for (const key of keysOf(read.metadata.name, metadata)) {
        names.add(key);
        below.push(() => this.read(read, { ...about, above: aboveOf(values, key) }));
      }
    }
    // What is said of a chart below counts there
    const left = Object.entries(values).filter(([key]) => !names.has(key));
    this.nodes.push({ metadata, values: Object.fromEntries(left), path });
    for (const readBelow of below) await readBelow();
  }

  async #readChild(
    child: Buffer | ReadonlyMap<string, Buffer>,
    { path, subject }: Pick<Place, "path" | "subject">,
  ): Promise<ChartArchive | undefined> {
    try {
      if (Buffer.isBuffer(child)) return await readChart(child, subject);
      return { files: child, metadata: await readMetadata(child, subject) };
    } catch (error) {
      if (!(error instanceof ContentInvalidError)) throw error;
      this.unread.push(`${path}: ${error.reason}`);
      return undefined;
    }
  }

  async #readValues(bytes: Buffer | undefined, { path, subject }: Place) {
    if (bytes === undefined) return {};
    try {
      const values = await parseYaml(bytes, `values.yaml of ${subject}`);
      // An empty file is one without values
      if (values !== null && !isRecord(values)) {
        this.unread.push(`${join(path, "values.yaml")}: it is no map`);
      }
      return isRecord(values) ? values : {};
    } catch (error) {
      if (!(error instanceof ContentInvalidError)) throw error;
      this.unread.push(`${join(path, "values.yaml")}: ${error.reason}`);
      return {};
    }
  }
}

/** Archives and directories below `charts/`, by their name there. */
function childrenOf(
  files: ReadonlyMap<string, Buffer>,
): ReadonlyMap<string, Buffer | ReadonlyMap<string, Buffer>> {
  const children = new Map<string, Buffer | Map<string, Buffer>>();
  for (const [path, bytes] of files) {
    const [, name = "", rest] = /^charts\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
    if (rest === undefined) {
      if (name.endsWith(".tgz")) children.set(name, bytes);
      continue;
    }
    const directory = children.get(name) ?? new Map<string, Buffer>();
    if (!Buffer.isBuffer(directory)) children.set(name, directory.set(rest, bytes));
  }
  return children;
}

/** Under which keys the values of a chart stand in those of the one above: its aliases, else its name. */
function keysOf(name: string, { dependencies }: ChartMetadata): readonly string[] {
  const listed = Array.isArray(dependencies) ? dependencies.filter(isRecord) : [];
  const keys = listed
    .filter((one) => textOf(one["name"]) === name)
    .map((one) => textOf(one["alias"]) || name);
  return keys.length > 0 ? [...new Set(keys)] : [name];
}

function aboveOf(values: Readonly<Record<string, unknown>>, key: string) {
  const { global } = values;
  const own = values[key];
  return [...(isRecord(own) ? [own] : []), ...(isRecord(global) ? [{ global }] : [])];
}

/** Maps are joined key by key, anything else is replaced. */
function mergeValues(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = Object.hasOwn(below, key) ? below[key] : undefined;
    merged[key] = isRecord(old) && isRecord(value) ? mergeValues(old, value) : value;
  }
  return merged;
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}
