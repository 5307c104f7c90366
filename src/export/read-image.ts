import type { ImageContents } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import { isAttestation } from "../oci/attestation.ts";
import { childrenOf, isForeignLayer } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from "../oci/platform.ts";
import { targetPathOf } from "../oci/target-path.ts";
import { type ImageGraph, walkImage } from "../pull/plan/image-graph.ts";
import { isMissing } from "../store/errors.ts";
import type { Manifest, ReadableStore } from "../store/store.ts";
import type { ChosenImage } from "./choose-images.ts";
import type { PlanExportOptions } from "./export-options.ts";
import { isForRuntimes } from "./for-runtimes.ts";

export interface ReadingOptions {
  readonly options: PlanExportOptions;
  /** Is added to. */
  readonly notices: Notice[];
}

/** What an image is made of, cut to the wanted platforms; undefined if nothing of it is exported, which is told. */
export async function readImage(
  image: ChosenImage,
  { options, notices }: ReadingOptions,
): Promise<ImageContents | undefined> {
  const { name, store, root, subject } = image;
  // What belongs to an image is taken as it is
  const platforms = subject === undefined ? options.platforms : [];
  const manifest = await store.fetchManifest(root.digest, options);
  const leave = (code: string, reason: string) => {
    notices.push({ code, message: `"${name}" is left out: ${reason}` });
    return undefined;
  };
  if (image.isPartial && subject !== undefined && !(await isWhole(manifest.descriptor, store))) {
    return leave("REFERRERS_LEFT_OUT", "nobody has pulled all of it");
  }
  const walk = (kept: readonly Platform[]) =>
    walkImage({
      ...{ source: store, root: manifest, name, signal: options.signal },
      archivePlatform: options.archivePlatform,
      platforms: kept,
      skipMissingAttestations: true,
      skipForeignLayers: false,
      readsConfigs: isForRuntimes(options.form),
    });
  const there = image.isPartial ? await platformsThere(image, manifest, notices) : [];
  const whole = await walk(there).catch((error: unknown) => {
    // Of what Docker saved, nothing but the wanted platforms may be there
    if (platforms.length === 0 || !isMissing(error)) throw error;
    return walk(platforms);
  });
  const wanted = narrow(platforms, whole);
  const asked = platforms.map(formatPlatform).join(", ");
  if (platforms.length > 0 && wanted.length === 0) {
    return leave("PLATFORM_ABSENT", `of ${asked}, it has none, but ${whole.platforms.join(", ")}`);
  }
  const graph = wanted.length === 0 ? whole : await walk(wanted);
  if (graph.otherPlatform !== undefined && graph.archive !== undefined) {
    return leave("PLATFORM_ABSENT", `it is for ${graph.otherPlatform}, not for ${asked}`);
  }
  if (graph.archive === undefined && isForRuntimes(options.form)) {
    return leave("NOT_RUNNABLE", "it is no image that a runtime can run");
  }
  notices.push(
    ...noticesOf(
      graph,
      name,
      platforms.filter((one) => !wanted.includes(one)),
    ),
  );
  return toContents(image, await withoutAbsentLayers(graph, image, notices));
}

/** Somebody pulled them: the manifest and all its blobs are there. None of those that are not is exported, which is told. */
async function platformsThere(
  { name, store }: ChosenImage,
  { bytes, descriptor }: Manifest,
  notices: Notice[],
): Promise<readonly Platform[]> {
  const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
  if (document.kind !== "index") return [];
  const [there, absent]: [Platform[], string[]] = [[], []];
  for (const child of document.manifests) {
    const { platform } = child;
    if (platform === undefined || isAttestation(child)) continue;
    if (await isWhole(child, store)) there.push(platform);
    else absent.push(formatPlatform(platform));
  }
  // With none of them, the first that is missing is named
  if (there.length > 0 && absent.length > 0) {
    const message = `"${name}" is exported without ${absent.join(", ")}: nobody has pulled that`;
    notices.push({ code: "PLATFORM_ABSENT", message });
  }
  return absent.length > 0 ? there : [];
}

async function isWhole(child: Descriptor, store: ReadableStore): Promise<boolean> {
  if (!(await store.exists(child))) return false;
  const { bytes } = await store.fetchManifest(child.digest);
  const { blobs } = childrenOf(parseManifest(bytes, child.mediaType, child.digest));
  for (const blob of blobs) if (!(await store.exists(blob))) return false;
  return true;
}

function toContents({ name, origin, subject, tag }: ChosenImage, graph: ImageGraph): ImageContents {
  const isDigestTag = tag !== undefined && isDigest(`sha256:${tag}`);
  return {
    ...graph,
    repository: targetPathOf(origin),
    tags: tag === undefined ? [] : [tag],
    kind: subject === undefined ? "image" : "referrer",
    ...(subject === undefined ? {} : { subject }),
    source: name,
    origin,
    ...(isDigestTag ? { sourceDigest: `sha256:${tag}` as Digest } : {}),
  };
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
