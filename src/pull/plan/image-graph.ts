import type { ArchiveImage, Omission, RewrittenIndex } from "../../contents/contents.ts";
import { attestedDigest, isAttestation } from "../../oci/attestation.ts";
import { childrenOf, isForeignLayer } from "../../oci/children.ts";
import { coreOf, type Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatPlatform, type Platform } from "../../oci/platform.ts";
import { option } from "../../option.ts";
import { ContentMissingError, isMissing } from "../../store/errors.ts";
import type { Manifest, OperationOptions, ReadableStore } from "../../store/store.ts";
import type { WalkedManifest } from "../../store/walk.ts";
import { chooseArchive } from "./choose-archive.ts";
import { chooseParts } from "./image-parts.ts";

/** Everything below one root, in graph order. */
export interface ImageGraph {
  readonly root: Descriptor;
  readonly documents: readonly Descriptor[];
  readonly layers: readonly Descriptor[];
  readonly platforms: readonly string[];
  /** Indexes that differ from those of the source; the root may be one. */
  readonly rewritten: readonly RewrittenIndex[];
  readonly omitted: readonly Omission[];
  /** Of an image without an index: what it runs on, if that is none of the platforms that are asked for. */
  readonly otherPlatform?: string | undefined;
  /** What one-platform tools take: the image for the platform that is asked for if there is one, else the first. */
  readonly archive?: ArchiveImage;
}

export interface WalkImageOptions extends OperationOptions {
  readonly source: ReadableStore;
  readonly root: Manifest;
  /** Platforms to keep; empty = all. */
  readonly platforms: readonly Platform[];
  /** Whether attestations that the source does not have are left out; otherwise they are an error. */
  readonly skipMissingAttestations: boolean;
  /** Attestations that are left out as if the source did not have them. */
  readonly leftOut?: ReadonlySet<Digest> | undefined;
  /** Whether layers that are not for redistribution are left out. */
  readonly skipForeignLayers: boolean;
  /** What one-platform tools are to get, if it is there; default: linux/amd64. */
  readonly archivePlatform?: Platform | undefined;
  /** Whether to read what configs say even where all platforms are kept: a request for each such image. */
  readonly readsConfigs?: boolean | undefined;
  /** The image as its user knows it, for messages. */
  readonly name: string;
}

/** What most machines that load an archive run on. */
const ARCHIVE_PLATFORM: Platform = { os: "linux", architecture: "amd64" };

/** Reads the manifests below a root, each once, and lists what they point at. */
export async function walkImage(options: WalkImageOptions): Promise<ImageGraph> {
  const { source, root, platforms, name, signal } = options;
  const { graph, rewritten, ...parts } = await chooseParts({
    subject: `image "${name}"`,
    root,
    read: (target) => readManifest(target, options),
    source,
    platforms,
    readsConfigs: options.readsConfigs,
    signal,
  });
  const { manifests } = graph;
  const wanted = options.archivePlatform ?? ARCHIVE_PLATFORM;
  const archive = chooseArchive(manifests, wanted, parts.configs);
  const layers = distinct(manifests.flatMap(layersOf));
  const isLeftOut = (layer: Descriptor) => options.skipForeignLayers && isForeignLayer(layer);
  return {
    root: coreOf(manifests[0]?.descriptor ?? root.descriptor),
    documents: distinct(manifests.flatMap(documentsOf)),
    layers: layers.filter((layer) => !isLeftOut(layer)),
    platforms: parts.platforms,
    rewritten: [...rewritten].map(([digest, bytes]) => ({ digest, text: bytes.toString("utf8") })),
    omitted: [...parts.omitted, ...layers.filter(isLeftOut).map(withoutLayer)],
    otherPlatform: parts.otherPlatform,
    ...(archive ? { archive } : {}),
  };
}

async function readManifest(
  target: Descriptor,
  { source, root, name, leftOut, skipMissingAttestations, signal }: WalkImageOptions,
): Promise<Buffer | undefined> {
  if (leftOut?.has(target.digest)) return undefined;
  if (target.digest === root.descriptor.digest) return root.bytes;
  try {
    return (await source.fetchManifest(target.digest, { signal })).bytes;
  } catch (error) {
    if (!isMissing(error)) throw error;
    if (skipMissingAttestations && isAttestation(target)) return undefined;
    throw missingChild(target, name, error);
  }
}

function missingChild(target: Descriptor, name: string, cause: Error): ContentMissingError {
  const { digest, platform } = target;
  if (!isAttestation(target)) {
    const what = platform ? `its manifest for ${formatPlatform(platform)}` : "a manifest of it";
    const hint = `Choose platforms that are there with ${option("platforms")}`;
    return new ContentMissingError(`image "${name}"`, `the source lacks ${what}, ${digest}`, {
      ...(platform ? { hint } : {}),
      cause,
    });
  }
  const subject = attestedDigest(target);
  const reason = `the source lacks the attestation ${digest}${subject ? ` of ${subject}` : ""}`;
  return new ContentMissingError(`image "${name}"`, reason, {
    hint: `Take it without such attestations with ${option("skipMissingAttestations")}`,
    cause,
  });
}

function documentsOf({ descriptor, document }: WalkedManifest): Descriptor[] {
  return document.kind === "manifest" ? [descriptor, document.config] : [descriptor];
}

function layersOf({ document }: WalkedManifest): readonly Descriptor[] {
  const { blobs } = childrenOf(document);
  return document.kind === "manifest" ? blobs.slice(1) : blobs;
}

function withoutLayer({ digest, mediaType }: Descriptor): Omission {
  return { kind: "foreign-layer", digest, mediaType, reason: "it is not for redistribution" };
}

function distinct(descriptors: readonly Descriptor[]): Descriptor[] {
  const byDigest = new Map<Digest, Descriptor>();
  for (const descriptor of descriptors) {
    if (byDigest.has(descriptor.digest)) continue;
    const { urls } = descriptor;
    const elsewhere = urls && isForeignLayer(descriptor) ? { urls } : {};
    byDigest.set(descriptor.digest, { ...coreOf(descriptor), ...elsewhere });
  }
  return [...byDigest.values()];
}
