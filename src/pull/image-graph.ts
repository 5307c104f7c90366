import type { ArchiveImage } from "../contents/contents.ts";
import { childrenOf } from "../oci/children.ts";
import { coreOf, type Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../oci/manifest.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../oci/platform.ts";
import type { Manifest, ManifestSource, OperationOptions } from "../store/store.ts";

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

/** Deepest nesting of indexes that is followed. */
const DEPTH_LIMIT = 8;

/** What most machines that load an archive run on. */
const ARCHIVE_PLATFORM: Platform = { os: "linux", architecture: "amd64" };

/** BuildKit's attestations are children that name the image they belong to. */
const ATTESTATION_SUBJECT = "vnd.docker.reference.digest";

/** Reads the manifests below a root, each once, and lists what they point at. */
export async function walkImage(options: WalkOptions): Promise<ImageGraph> {
  const root = keepPlatforms(options);
  const documents = new Map<Digest, Descriptor>();
  const layers = new Map<Digest, Descriptor>();
  const sizes = new Map<Digest, number>();
  const archives: PlatformArchive[] = [];

  const note = (into: Map<Digest, Descriptor>, descriptor: Descriptor) => {
    const known = sizes.get(descriptor.digest);
    if (known !== undefined && known !== descriptor.size) {
      const reason = `it is described with ${known} and with ${descriptor.size} bytes`;
      throw new ContentMismatchError(descriptor.digest, reason);
    }
    sizes.set(descriptor.digest, descriptor.size);
    into.set(descriptor.digest, coreOf(descriptor));
  };

  const visit = async (
    manifest: Manifest,
    { depth, platform }: { readonly depth: number; readonly platform?: Platform | undefined },
  ): Promise<void> => {
    if (depth > DEPTH_LIMIT) {
      throw new ContentInvalidError(
        `image ${options.reference}`,
        "its indexes are nested too deeply",
      );
    }
    const { descriptor, bytes } = manifest;
    note(documents, descriptor);
    const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
    const children = childrenOf(document);
    if (document.kind === "manifest") {
      note(documents, document.config);
      archives.push({ platform, image: archiveOf(document) });
      for (const layer of children.blobs.slice(1)) note(layers, layer);
      return;
    }
    for (const blob of children.blobs) note(layers, blob);
    // In document order, one after the other: the order is part of the plan
    const loading = children.manifests.map((child) => loadChild(options, child));
    await Promise.allSettled(loading);
    for (const [position, child] of loading.entries()) {
      const { platform } = children.manifests[position] ?? {};
      await visit(await child, { depth: depth + 1, platform });
    }
  };

  await visit(root.manifest, { depth: 0 });
  const archive = chooseArchive(archives);
  return {
    root: coreOf(root.manifest.descriptor),
    documents: [...documents.values()],
    layers: [...layers.values()],
    platforms: root.platforms,
    ...(root.isRewritten ? { rewritten: root.manifest.bytes } : {}),
    ...(archive ? { archive } : {}),
  };
}

async function loadChild(
  { source, signal, reference }: WalkOptions,
  child: Descriptor,
): Promise<Manifest> {
  const found = await source.fetchManifest(child.digest, { signal });
  if (found.bytes.length !== child.size) {
    const reason = `it has ${found.bytes.length} bytes, "${reference}" says ${child.size}`;
    throw new ContentMismatchError(child.digest, reason);
  }
  return { descriptor: coreOf(child), bytes: found.bytes };
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

interface PlatformArchive {
  readonly platform?: Platform | undefined;
  readonly image: ArchiveImage | undefined;
}

function chooseArchive(archives: readonly PlatformArchive[]): ArchiveImage | undefined {
  const runnable = archives.filter(({ platform, image }) => image && platform?.os !== "unknown");
  const preferred = runnable.find(
    ({ platform }) => platform && matchesPlatform(ARCHIVE_PLATFORM, platform),
  );
  return (preferred ?? runnable[0])?.image;
}

/** Only runnable images go into `manifest.json`: artifacts have no root file system. */
function archiveOf(manifest: ImageManifest): ArchiveImage | undefined {
  if (!/\.image\.(v1\+json|config)|container\.image/.test(manifest.config.mediaType))
    return undefined;
  return { config: manifest.config.digest, layers: manifest.layers.map(({ digest }) => digest) };
}
