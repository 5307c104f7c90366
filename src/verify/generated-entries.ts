import { OCI_LAYOUT_JSON, parseLayoutEntry } from "../bundle/format/format.ts";
import { renderLayoutIndex } from "../bundle/format/layout-index.ts";
import type { BundleImage, BundleManifest } from "../bundle/read/bundle-manifest.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import type { ImageContents } from "../contents/contents.ts";
import type { ScannedEntry } from "../tar/scan.ts";
import type { Survey } from "./survey.ts";

/** The first byte of an entry that is not what the writer of the bundle makes. */
export interface Deviation {
  readonly entry: string;
  /** Position in the package. */
  readonly offset: number;
}

/** Entries without a digest of their own: `oci-layout`, `index.json`, `manifest.json`. */
export function generatedEntries({ entries }: Survey): readonly ScannedEntry[] {
  return entries.filter(({ path }) => parseLayoutEntry(path)?.kind !== "blob");
}

/** Compares an entry with what the plan makes of `bundle.json`; undefined if it is right or nothing tells. */
export async function findDeviation(
  reader: BundleReader,
  survey: Survey,
  { path, offset, size }: ScannedEntry,
): Promise<Deviation | undefined> {
  const wanted = renderEntry(reader.manifest, survey, path);
  if (wanted === undefined) return undefined;
  const found = await reader.readBytes({ package: survey.package, offset, size });
  const expected = Buffer.from(wanted);
  const at = found.findIndex((byte, position) => byte !== expected[position]);
  return at < 0 ? undefined : { entry: path, offset: offset + at };
}

/** Whether `renderEntry` can tell what the entry has to be. */
export function isPredictable(reader: BundleReader, survey: Survey, path: string): boolean {
  return renderEntry(reader.manifest, survey, path) !== undefined;
}

function renderEntry(
  manifest: BundleManifest | undefined,
  survey: Survey,
  path: string,
): string | undefined {
  const name = parseLayoutEntry(path);
  if (name?.kind === "oci-layout") return OCI_LAYOUT_JSON;
  if (name?.kind !== "index") return undefined;
  const claims = manifest?.packages[survey.package];
  const claimed = claims?.layouts.find((layout) => layout.path === name.layout);
  const table = survey.layouts.find((layout) => layout.path === name.layout);
  if (!claims || !claimed || !table) return undefined;
  const images: ImageContents[] = [];
  for (const image of claimed.images) {
    const size = table.blobs.get(image.digest)?.size;
    if (size === undefined) return undefined;
    images.push(toContents(image, size));
  }
  return renderLayoutIndex({ path: name.layout, images }, claims.kind);
}

function toContents(image: BundleImage, size: number): ImageContents {
  const { repository, tags, digest, mediaType, kind, source, platforms } = image;
  const { sourceDigest, subject } = image;
  const slash = source.indexOf("/");
  const path = source.slice(slash + 1).replace(/[:@].*$/, "");
  return {
    repository,
    tags,
    root: { mediaType, digest, size },
    kind,
    source,
    platforms,
    documents: [],
    layers: [],
    origin: { registry: source.slice(0, slash), repository: path },
    ...(sourceDigest ? { sourceDigest } : {}),
    ...(subject ? { subject } : {}),
  };
}
