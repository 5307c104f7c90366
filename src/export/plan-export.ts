import { type PackagePlan, planPackage } from "../bundle/bundle-plan.ts";
import type { ImageContents, RewrittenIndex } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import { isForeignLayer } from "../oci/children.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import { targetPathOf } from "../oci/target-path.ts";
import { type ImageGraph, walkImage } from "../pull/image-graph.ts";
import type { SourceRepository } from "../store/store.ts";
import type { ChosenImage } from "./choose-images.ts";
import type { ExportedImage, ExportForm } from "./export-options.ts";

type Entry = PackagePlan["entries"][number];

/** Every entry of an export, in its order, and where the bytes of each are. */
export interface ExportPlan {
  readonly entries: readonly Entry[];
  readonly images: readonly ExportedImage[];
  readonly notices: readonly Notice[];
  readonly stores: ReadonlyMap<Digest, SourceRepository>;
  /** Indexes that no bundle has, because parts of them are left out. */
  readonly rewritten: ReadonlyMap<Digest, string>;
}

export interface PlanExportOptions {
  readonly form: ExportForm;
  readonly platforms: readonly Platform[];
  readonly signal: AbortSignal | undefined;
}

/** Reads manifests, no layers. The same images always give the same plan, and the same plan the same bytes. */
export async function planExport(
  chosen: readonly ChosenImage[],
  options: PlanExportOptions,
): Promise<ExportPlan> {
  const notices: Notice[] = [];
  const contents: ImageContents[] = [];
  const stores = new Map<Digest, SourceRepository>();
  for (const image of chosen) {
    const found = await readImage(image, options, notices);
    if (found === undefined) continue;
    contents.push(found);
    for (const { digest } of [...found.documents, ...found.layers]) stores.set(digest, image.store);
  }
  const indexes: readonly RewrittenIndex[] = contents.flatMap(({ rewritten }) => rewritten ?? []);
  return {
    entries: entriesOf(contents, options.form),
    images: contents.map(toExportedImage),
    notices,
    stores,
    rewritten: new Map(indexes.map(({ digest, text }) => [digest, text])),
  };
}

async function readImage(
  image: ChosenImage,
  { form, platforms, signal }: PlanExportOptions,
  notices: Notice[],
): Promise<ImageContents | undefined> {
  const { name, store, root, tag, origin } = image;
  const manifest = await store.fetchManifest(root.digest, { signal });
  const common = { source: store, root: manifest, name, signal };
  const walk = (kept: readonly Platform[]) =>
    walkImage({
      ...common,
      platforms: kept,
      skipMissingAttestations: true,
      skipForeignLayers: false,
    });
  const whole = await walk([]);
  const wanted = narrow(platforms, whole);
  const leave = (code: string, reason: string) => {
    notices.push({ code, message: `"${name}" is left out: ${reason}` });
    return undefined;
  };
  const asked = platforms.map(formatPlatform).join(", ");
  if (platforms.length > 0 && wanted.length === 0) {
    return leave("PLATFORM_ABSENT", `of ${asked}, it has none, but ${whole.platforms.join(", ")}`);
  }
  const graph = wanted.length === 0 ? whole : await walk(wanted);
  if (graph.otherPlatform !== undefined && graph.archive !== undefined) {
    return leave("PLATFORM_ABSENT", `it is for ${graph.otherPlatform}, not for ${asked}`);
  }
  if (graph.archive === undefined && isForRuntimes(form)) {
    return leave("NOT_RUNNABLE", "it is no image that a runtime can run");
  }
  notices.push(
    ...noticesOf(
      graph,
      name,
      platforms.filter((one) => !wanted.includes(one)),
    ),
  );
  return {
    ...(await withoutAbsentLayers(graph, image, notices)),
    repository: targetPathOf(origin),
    tags: [tag],
    kind: "image",
    source: name,
    origin,
    ...(isDigest(`sha256:${tag}`) ? { sourceDigest: `sha256:${tag}` as Digest } : {}),
  };
}

/** Forms that programs load as a whole, and refuse if one thing in them cannot be run. */
function isForRuntimes(form: ExportForm): boolean {
  return form === "docker-archive" || form === "k3s";
}

/** Platforms that are asked for and there; all of them where the index does not tell. */
function narrow(wanted: readonly Platform[], { platforms }: ImageGraph): readonly Platform[] {
  if (platforms.length === 0) return wanted;
  const there = platforms.map(parsePlatform);
  return wanted.filter((one) => there.some((found) => matchesPlatform(one, found)));
}

function noticesOf(graph: ImageGraph, name: string, absent: readonly Platform[]): Notice[] {
  const missing = absent.map((platform) => ({
    code: "PLATFORM_ABSENT",
    message: `"${name}" has no ${formatPlatform(platform)}; it is exported without`,
  }));
  const omitted = graph.omitted
    .filter(({ kind }) => kind === "missing-attestation")
    .map(({ digest, reason }) => ({
      code: "ATTESTATION_ABSENT",
      message: `"${name}" is exported without ${digest}: ${reason}`,
    }));
  return [...missing, ...omitted];
}

/** Layers that are not for redistribution may have been left out of the bundle: the machine fetches them itself. */
async function withoutAbsentLayers(
  graph: ImageGraph,
  { name, store }: ChosenImage,
  notices: Notice[],
): Promise<ImageGraph> {
  const layers = [];
  for (const layer of graph.layers) {
    if (!isForeignLayer(layer) || (await store.exists(layer))) layers.push(layer);
    else {
      const message = `"${name}" is exported without ${layer.digest}: it is not for redistribution, and not in the bundle`;
      notices.push({ code: "FOREIGN_LAYER_ABSENT", message });
    }
  }
  return { ...graph, layers };
}

/** The entries of `images.tar`; `manifest.json` is what Docker and podman read, the index what the others read. */
function entriesOf(contents: readonly ImageContents[], form: ExportForm): readonly Entry[] {
  const isIndexOnly = form === "oci-archive" || form === "oci-layout";
  const images = contents.map((image) => (isIndexOnly ? { ...image, archive: undefined } : image));
  const { entries } = planPackage({
    name: "images",
    kind: "images",
    layouts: [{ path: "", images: mergeTags(images) }],
  });
  if (form !== "docker-archive") return entries;
  const loaded = new Set(
    images.flatMap(({ archive }) => (archive ? [archive.config, ...archive.layers] : [])),
  );
  return entries.filter(({ path, content }) =>
    content.kind === "blob" ? loaded.has(content.digest) : path === "manifest.json",
  );
}

/** One image of several tags is one entry of `manifest.json`. */
function mergeTags(images: readonly ImageContents[]): readonly ImageContents[] {
  const merged = new Map<string, ImageContents>();
  for (const image of images) {
    const key = `${image.repository}\0${image.root.digest}\0${image.sourceDigest ?? ""}`;
    const known = merged.get(key);
    merged.set(key, known ? { ...known, tags: [...known.tags, ...image.tags].sort() } : image);
  }
  return [...merged.values()];
}

function toExportedImage({ origin, root, tags, platforms }: ImageContents): ExportedImage {
  const [tag = ""] = tags;
  const named = isDigest(`sha256:${tag}`) ? { digest: root.digest } : { tag };
  return { name: formatReference({ ...origin, ...named }), digest: root.digest, platforms };
}
