import type { ArchiveImage } from "../contents/contents.ts";
import { childrenOf } from "../oci/children.ts";
import { coreOf, type Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../oci/manifest.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../oci/platform.ts";
import type { Manifest, ManifestSource, OperationOptions } from "../store/store.ts";
import { type WalkedManifest, walkGraph } from "../store/walk.ts";

/** Everything below one root, in graph order. */
export interface ImageGraph {
  readonly root: Descriptor;
  readonly documents: readonly Descriptor[];
  readonly layers: readonly Descriptor[];
  readonly platforms: readonly string[];
  /** Bytes of a root that differs from the source's. */
  readonly rewritten?: Buffer;
  /** What one-platform tools take: the image for linux/amd64 if there is one, else the first. */
  readonly archive?: ArchiveImage;
}

export interface WalkOptions extends OperationOptions {
  readonly source: ManifestSource;
  readonly root: Manifest;
  /** Children of the root index to keep; empty = all. */
  readonly platforms: readonly Platform[];
  /** For messages. */
  readonly reference: string;
}

/** What most machines that load an archive run on. */
const ARCHIVE_PLATFORM: Platform = { os: "linux", architecture: "amd64" };

/** BuildKit's attestations are children that name the image they belong to. */
const ATTESTATION_SUBJECT = "vnd.docker.reference.digest";

/** Reads the manifests below a root, each once, and lists what they point at. */
export async function walkImage(options: WalkOptions): Promise<ImageGraph> {
  const { source, reference, signal } = options;
  const { manifest, platforms, isRewritten } = keepPlatforms(options);
  const { manifests } = await walkGraph(manifest.descriptor, {
    subject: `image ${reference}`,
    read: async ({ digest }) =>
      digest === manifest.descriptor.digest
        ? manifest.bytes
        : (await source.fetchManifest(digest, { signal })).bytes,
    signal,
  });
  const archive = chooseArchive(manifests);
  return {
    root: coreOf(manifest.descriptor),
    documents: distinct(manifests.flatMap(documentsOf)),
    layers: distinct(manifests.flatMap(layersOf)),
    platforms,
    ...(isRewritten ? { rewritten: manifest.bytes } : {}),
    ...(archive ? { archive } : {}),
  };
}

function documentsOf({ descriptor, document }: WalkedManifest): Descriptor[] {
  return document.kind === "manifest" ? [descriptor, document.config] : [descriptor];
}

function layersOf({ document }: WalkedManifest): readonly Descriptor[] {
  const { blobs } = childrenOf(document);
  return document.kind === "manifest" ? blobs.slice(1) : blobs;
}

function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  const byDigest = new Map<Digest, Descriptor>();
  for (const descriptor of descriptors) {
    if (!byDigest.has(descriptor.digest)) byDigest.set(descriptor.digest, coreOf(descriptor));
  }
  return [...byDigest.values()];
}

export interface ChosenRoot {
  readonly manifest: Manifest;
  readonly platforms: readonly string[];
  readonly isRewritten: boolean;
}

/**
 * The root with only the chosen children. A rewritten index has another digest, so an image that was asked for by
 * digest keeps all of them.
 */
export function keepPlatforms({
  root,
  platforms,
  reference,
}: Pick<WalkOptions, "root" | "platforms" | "reference">): ChosenRoot {
  const { mediaType, digest } = root.descriptor;
  const document = parseManifest(root.bytes, mediaType, digest);
  if (document.kind === "manifest") return { manifest: root, platforms: [], isRewritten: false };
  const isPinned = isDigest(reference.slice(reference.indexOf("@") + 1));
  if (platforms.length === 0 || isPinned) {
    return { manifest: root, platforms: platformsOf(document), isRewritten: false };
  }
  const kept = chooseChildren(document, platforms, reference);
  if (kept.size === document.manifests.length) {
    return { manifest: root, platforms: platformsOf(document), isRewritten: false };
  }
  const original = JSON.parse(root.bytes.toString("utf8")) as { manifests: Descriptor[] };
  const manifests = original.manifests.filter((child) => kept.has(child.digest));
  const bytes = Buffer.from(JSON.stringify({ ...original, manifests }));
  return {
    manifest: { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes },
    platforms: platformsOf({ ...document, manifests }),
    isRewritten: true,
  };
}

/** Children of the wanted platforms, and the attestations that belong to them. */
function chooseChildren(
  index: ImageIndex,
  wanted: readonly Platform[],
  reference: string,
): Set<Digest> {
  const kept = new Set<Digest>();
  for (const platform of wanted) {
    const found = index.manifests.filter(
      (child) => child.platform && matchesPlatform(platform, child.platform),
    );
    if (found.length === 0) {
      const available = platformsOf(index).join(", ") || "none";
      throw new ContentInvalidError(
        `image ${reference}`,
        `it has no platform "${formatPlatform(platform)}"`,
        { hint: `Choose from its platforms: ${available}` },
      );
    }
    for (const child of found) kept.add(child.digest);
  }
  for (const child of index.manifests) {
    if (kept.has(child.annotations?.[ATTESTATION_SUBJECT] ?? "")) kept.add(child.digest);
  }
  return kept;
}

function platformsOf(index: Pick<ImageIndex, "manifests">): string[] {
  const found = index.manifests.flatMap(({ platform }) =>
    platform && platform.os !== "unknown" ? [formatPlatform(platform)] : [],
  );
  return [...new Set(found)].sort();
}

function chooseArchive(manifests: readonly WalkedManifest[]): ArchiveImage | undefined {
  const runnable = manifests.flatMap(({ descriptor: { platform }, document }) => {
    const image = platform?.os === "unknown" ? undefined : archiveOf(document);
    return image ? [{ platform, image }] : [];
  });
  const preferred = runnable.find(
    ({ platform }) => platform && matchesPlatform(ARCHIVE_PLATFORM, platform),
  );
  return (preferred ?? runnable[0])?.image;
}

/** Only runnable images go into `manifest.json`: artifacts have no root file system. */
function archiveOf(document: ImageManifest | ImageIndex): ArchiveImage | undefined {
  if (document.kind === "index") return undefined;
  const { config, layers } = document;
  if (!/\.image\.(v1\+json|config)|container\.image/.test(config.mediaType)) return undefined;
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}
