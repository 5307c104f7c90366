import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { type Digest, isDigest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { isTag } from "../oci/reference.ts";
import { parseImageVersion } from "../versions/tag-version.ts";
import { isRecord, parseYaml, textOf } from "./chart-archive.ts";
import { cutSection } from "./cut-section.ts";

/** Largest `index.yaml` that is read: the largest known ones have a third of it. */
export const INDEX_LIMIT_BYTES: number = 64 * 1024 * 1024;

/** Of which as much is parsed as a whole, where the part of one chart cannot be told from the rest. */
const WHOLE_LIMIT_BYTES = 16 * 1024 * 1024;

/** One version of a chart in a Helm repository. */
export interface ListedChart {
  readonly version: string;
  /** The tag that Helm gives it in a registry: `1.2.3+up1` is `1.2.3_up1`. */
  readonly tag: string;
  /** Of its archive; undefined where the index does not tell. */
  readonly digest?: Digest | undefined;
  /** As they are written: whole addresses, or relative to the repository. The first that works is enough. */
  readonly urls: readonly string[];
  readonly isDeprecated: boolean;
  /** RFC 3339; missing: the index does not say. */
  readonly created?: string | undefined;
}

export interface ListedVersions {
  readonly charts: readonly ListedChart[];
  /** Entries that cannot be used, and why. */
  readonly unread: readonly string[];
}

/** What an `index.yaml` lists. */
export interface ChartIndex {
  readonly names: readonly string[];
  /** Undefined: there is no chart of this name. */
  versionsOf(name: string): Promise<ListedVersions | undefined>;
}

/**
 * Reads an index, YAML or JSON, compressed or not. Only the part of a chart that is asked for is parsed where the text lets it
 * be told from the rest: indexes of ten megabytes are usual, and YAML is slow.
 */
export async function readChartIndex(bytes: Buffer, subject: string): Promise<ChartIndex> {
  const plain = await unpack(bytes, subject);
  const text = plain.toString("utf8");
  const cut = cutSection(text);
  if (cut) {
    return {
      names: [...cut.keys()],
      versionsOf: async (name) => {
        const section = cut.get(name);
        if (section === undefined) return undefined;
        const entries = await parseYaml(Buffer.from(section), subject);
        return toVersions(isRecord(entries) ? entries[name] : undefined, { name, subject });
      },
    };
  }
  const entries = await readWhole(plain, subject);
  return {
    names: Object.keys(entries),
    versionsOf: async (name) =>
      Object.hasOwn(entries, name) ? toVersions(entries[name], { name, subject }) : undefined,
  };
}

async function unpack(bytes: Buffer, subject: string): Promise<Buffer> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip)(bytes, {
      maxOutputLength: INDEX_LIMIT_BYTES,
    });
  } catch (cause) {
    throw new ContentInvalidError(subject, "it cannot be decompressed", { cause });
  }
}

async function readWhole(bytes: Buffer, subject: string): Promise<Record<string, unknown>> {
  if (bytes.length > WHOLE_LIMIT_BYTES && bytes[0] !== 0x7b) {
    throw new ContentInvalidError(
      subject,
      `it has more than ${WHOLE_LIMIT_BYTES} bytes in one form`,
    );
  }
  const document = bytes[0] === 0x7b ? parseJson(bytes, subject) : await parseYaml(bytes, subject);
  if (!isRecord(document)) throw new ContentInvalidError(subject, "it is no index of charts");
  const entries = document["entries"] ?? {};
  if (isRecord(entries)) return entries;
  throw new ContentInvalidError(subject, "its entries are no map");
}

function parseJson(bytes: Buffer, subject: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8")) as unknown;
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not JSON", { cause });
  }
}

interface EntryPlace {
  readonly name: string;
  readonly subject: string;
}

function toVersions(entries: unknown, { name, subject }: EntryPlace): ListedVersions {
  if (entries === null) return { charts: [], unread: [] };
  if (!Array.isArray(entries)) {
    throw new ContentInvalidError(subject, `its entries of "${name}" are no list`);
  }
  const charts = new Map<string, ListedChart>();
  const unread: string[] = [];
  for (const [position, entry] of entries.entries()) {
    const read = toChart(entry, name);
    if (typeof read === "string") unread.push(`entry ${position + 1} of "${name}" ${read}`);
    // Of several Helm takes the first
    else if (!charts.has(read.tag)) charts.set(read.tag, read);
    else if (charts.get(read.tag)?.digest !== read.digest) {
      unread.push(
        `entry ${position + 1} of "${name}" is another archive of version ${read.version}`,
      );
    }
  }
  return { charts: [...charts.values()], unread };
}

/** A chart, or what keeps its entry from being one. */
function toChart(entry: unknown, name: string): ListedChart | string {
  if (!isRecord(entry)) return "is empty or no map";
  const version = textOf(entry["version"]);
  if (version === "") return "has no version";
  const tag = tagOf(version);
  if (!isTag(tag) || !isVersion(version)) return `has "${version}" as its version, which is none`;
  const called = textOf(entry["name"]);
  if (called !== "" && called !== name) return `is called "${called}"`;
  const digest = textOf(entry["digest"])
    .replace(/^(?:sha256:)?(?=.)/, "sha256:")
    .toLowerCase();
  if (digest !== "" && !isDigest(digest)) return "has a digest that is no sha256";
  const urls = Array.isArray(entry["urls"]) ? entry["urls"].map(textOf).filter(Boolean) : [];
  const created = textOf(entry["created"]);
  if (urls.length === 0) return `of version ${version} has no address`;
  return {
    version,
    tag,
    ...(digest === "" ? {} : { digest }),
    urls,
    isDeprecated: entry["deprecated"] === true,
    ...(created === "" ? {} : { created }),
  };
}

/** The tag of a version: it has no `+`, for which Helm writes `_`. */
function tagOf(version: string): string {
  return version.replaceAll("+", "_");
}

/** What Helm reads as a version: `1`, `1.2` and `v1.2.3` too. */
function isVersion(version: string): boolean {
  const tag = tagOf(version);
  return parseImageVersion(tag) !== undefined || /^v?\d+$/.test(tag);
}
