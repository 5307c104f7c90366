import type { Readable } from "node:stream";
import { isAttestation } from "../oci/attestation.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash, type Digest, parseDigest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import { parseConfigPlatform } from "../oci/image-config.ts";
import type { ImageManifest, ManifestDocument } from "../oci/manifest.ts";
import {
  isImageConfigType,
  isLegacyManifestType,
  MANIFEST_LIMIT_BYTES,
} from "../oci/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../oci/platform.ts";
import { isMissing } from "../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../store/store.ts";
import { type WalkedGraph, walkGraph } from "../store/walk.ts";
import { type LabelSources, sourcesOf } from "./label-sources.ts";

/** What an image says of itself. It belongs to a digest, so it stays true for ever. */
export interface ImageDetails {
  readonly digest: Digest;
  readonly mediaType: string;
  /** `image`, `index`, or the type of an artifact. */
  readonly type: string;
  /** `os/architecture[/variant]`, sorted; attestations have none. */
  readonly platforms: readonly string[];
  /** Bytes of the distinct manifests and blobs of its graph; missing: nobody has looked, or part of it is missing. */
  readonly size?: number | undefined;
  /** Manifests that the image lists and the registry does not have. */
  readonly absent: readonly Digest[];
  readonly labels: LabelSources;
  /** Why it is no image that was asked for; missing: it is one. */
  readonly excluded?: string | undefined;
}

export interface ReadDetailsOptions extends OperationOptions {
  readonly source: Pick<SourceRepository, "fetch" | "fetchManifest">;
  /** The image as its user knows it, for messages. */
  readonly subject: string;
  /** Of an index, the platform whose config is read; default: the first. */
  readonly platform?: Platform | undefined;
  /** False: read only what times and labels are in, and no more. */
  readonly isWhole: boolean;
}

/**
 * Reads what a manifest does not say itself: of an image its config, of an index the manifests below it and the config of one
 * of them.
 */
export async function readImageDetails(
  manifest: Manifest,
  options: ReadDetailsOptions,
): Promise<ImageDetails> {
  const { digest, mediaType } = manifest.descriptor;
  const plain = { digest, mediaType, platforms: [], absent: [], labels: {} };
  if (isLegacyManifestType(mediaType)) {
    return { ...plain, type: "image", excluded: "it is a Docker schema 1 manifest" };
  }
  const absent: Digest[] = [];
  const graph = await walkGraph(manifest.descriptor, {
    subject: options.subject,
    read: (target) => readManifest(target, manifest, { ...options, absent }),
    select: (children) => (options.isWhole ? children : chooseChild(children, options.platform)),
    signal: options.signal,
  });
  const [root] = graph.manifests;
  if (root === undefined) throw new Error("the root of a walk is in its result");
  const { image, config } = await readConfig(graph, options);
  const platforms = platformsOf(root.document, config);
  const missing = missingPlatform(platforms, { ...options, document: root.document });
  return {
    digest,
    mediaType,
    type: typeOf(root.document),
    platforms,
    ...(options.isWhole && absent.length === 0 ? { size: sizeOf(graph) } : {}),
    absent,
    labels: sourcesOf(config, [root.document.annotations, image?.annotations]),
    ...(missing === undefined ? {} : { excluded: missing }),
  };
}

async function readManifest(
  target: Descriptor,
  root: Manifest,
  { source, absent, signal }: ReadDetailsOptions & { readonly absent: Digest[] },
): Promise<Buffer | undefined> {
  if (target.digest === root.descriptor.digest) return root.bytes;
  try {
    return (await source.fetchManifest(target.digest, { signal })).bytes;
  } catch (error) {
    if (!isMissing(error)) throw error;
    absent.push(target.digest);
    return undefined;
  }
}

function chooseChild(
  children: readonly Descriptor[],
  wanted: Platform | undefined,
): readonly Descriptor[] {
  const images = children.filter((child) => !isAttestation(child));
  const fitting = images.filter(
    ({ platform }) => wanted && platform && matchesPlatform(wanted, platform),
  );
  return [...(wanted === undefined ? images : fitting)].slice(0, 1);
}

async function readConfig(
  { manifests }: WalkedGraph,
  { platform: wanted, source, signal }: ReadDetailsOptions,
): Promise<{ readonly image?: ImageManifest; readonly config?: Buffer | undefined }> {
  const [root] = manifests;
  const described = new Map<Digest, Platform | undefined>(
    root?.document.kind === "index"
      ? root.document.manifests.map(({ digest, platform }) => [digest, platform])
      : [],
  );
  const attested = new Set(
    root?.document.kind === "index"
      ? root.document.manifests.filter(isAttestation).map(({ digest }) => digest)
      : [],
  );
  const images = manifests.filter(
    ({ descriptor, document }) => document.kind === "manifest" && !attested.has(descriptor.digest),
  );
  const isWanted = ({ digest }: Descriptor) => {
    const platform = described.get(digest);
    return wanted === undefined || platform === undefined || matchesPlatform(wanted, platform);
  };
  const image = images.find(({ descriptor }) => isWanted(descriptor))?.document;
  if (image?.kind !== "manifest") return {};
  if (!isImageConfigType(image.config.mediaType)) return { image };
  return {
    image,
    config: await readSmall(image.config, await source.fetch(image.config, { signal })),
  };
}

async function readSmall(target: Descriptor, body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MANIFEST_LIMIT_BYTES) {
      throw new ContentInvalidError(
        `config ${target.digest}`,
        `it has more than ${MANIFEST_LIMIT_BYTES} bytes`,
      );
    }
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const hex = createDigestHash(target.digest).update(bytes).digest("hex");
  if (hex === parseDigest(target.digest).encoded) return bytes;
  throw new ContentMismatchError(target.digest, "the content has another digest");
}

function platformsOf(document: ManifestDocument, config: Buffer | undefined): readonly string[] {
  if (document.kind === "index") {
    const platforms = document.manifests
      .filter((child) => !isAttestation(child) && child.platform && child.platform.os !== "unknown")
      .flatMap(({ platform }) => (platform ? [formatPlatform(platform)] : []));
    return [...new Set(platforms)].sort();
  }
  const platform = config && parseConfigPlatform(config);
  return platform ? [formatPlatform(platform)] : [];
}

function missingPlatform(
  platforms: readonly string[],
  {
    document,
    platform: wanted,
  }: Pick<ReadDetailsOptions, "platform"> & { readonly document: ManifestDocument },
): string | undefined {
  if (wanted === undefined) return undefined;
  const name = formatPlatform(wanted);
  if (platforms.length === 0 && document.kind !== "index") return undefined;
  if (platforms.some((found) => matchesText(wanted, found))) return undefined;
  const found = platforms.length === 0 ? "it names no platform" : `it has ${platforms.join(", ")}`;
  return `there is no image for ${name}: ${found}`;
}

function matchesText(wanted: Platform, text: string): boolean {
  const [os = "", architecture = "", variant] = text.split("/");
  return matchesPlatform(wanted, { os, architecture, variant });
}

function typeOf(document: ManifestDocument): string {
  if (document.artifactType !== undefined) return document.artifactType;
  if (document.kind === "index") return "index";
  if (document.kind === "artifact") return document.mediaType;
  return isImageConfigType(document.config.mediaType) ? "image" : document.config.mediaType;
}

function sizeOf({ manifests, blobs }: WalkedGraph): number {
  const sizes = new Map<Digest, number>();
  for (const { descriptor } of manifests) sizes.set(descriptor.digest, descriptor.size);
  for (const { digest, size } of blobs) sizes.set(digest, size);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
