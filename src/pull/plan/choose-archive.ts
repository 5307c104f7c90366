import type { ArchiveImage } from "../../contents/contents.ts";
import { isAttestation } from "../../oci/attestation.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestDocument } from "../../oci/manifest.ts";
import { isImageConfigType, isImageLayerType } from "../../oci/media-type.ts";
import { matchesPlatform, type Platform } from "../../oci/platform.ts";
import type { WalkedManifest } from "../../store/walk.ts";

/** Bytes of one entry of `rootfs.diff_ids`: a digest, its quotes and its comma. */
const DIFF_ID_BYTES = '"sha256:",'.length + 64;

/** What the configs of manifests say, as far as they were read. */
export interface ConfigFacts {
  /** Of images whose entry in an index, or lack of one, does not tell. */
  readonly platforms: ReadonlyMap<Digest, Platform>;
  readonly layerCounts: ReadonlyMap<Digest, number>;
}

const NOTHING_READ: ConfigFacts = { platforms: new Map(), layerCounts: new Map() };

/**
 * The image that one-platform tools load: the one for the wanted platform if there is one, else the first. Undefined if
 * there is none that a runtime takes: one such image in an archive keeps some runtimes from loading all of them.
 */
export function chooseArchive(
  manifests: readonly WalkedManifest[],
  wanted: Platform,
  { platforms, layerCounts }: ConfigFacts = NOTHING_READ,
): ArchiveImage | undefined {
  const runnable = manifests.flatMap(({ descriptor, document }) => {
    const { digest, platform } = descriptor;
    const { os = "linux" } = platforms.get(digest) ?? platform ?? {};
    const image = mayRun(os) && !isAttestation(descriptor) ? archiveOf(document) : undefined;
    // One image whose config lists other layers keeps podman and containerd from loading any
    const isWhole = (layerCounts.get(digest) ?? image?.layers.length) === image?.layers.length;
    return image && isWhole ? [{ platform: descriptor.platform, os, image }] : [];
  });
  const isMixed = manifests.some(isArtifact);
  // Beside something else, runtimes find nothing without a platform (CNAB)
  const found = isMixed ? runnable.filter(({ platform }) => platform !== undefined) : runnable;
  const preferred =
    found.find(({ platform }) => platform && matchesPlatform(wanted, platform)) ??
    found.find(({ os }) => os !== "windows") ??
    found[0];
  if (preferred === undefined) return undefined;
  return { ...preferred.image, ...(preferred.os === "windows" ? { os: "windows" } : {}) };
}

/** Loading an archive with any other system in it ends Docker's answer in the middle (20.10, `darwin`). */
function mayRun(os: string): boolean {
  return os === "linux" || os === "windows";
}

function isArtifact({ descriptor, document }: WalkedManifest): boolean {
  if (document.kind === "artifact") return true;
  return document.kind === "manifest" && !isAttestation(descriptor) && !archiveOf(document);
}

/** Artifacts have no root file system, signatures layers that are none, and some a config that lists no layers. */
function archiveOf(document: ManifestDocument): ArchiveImage | undefined {
  if (document.kind !== "manifest") return undefined;
  const { config, layers } = document;
  const isImage =
    isImageConfigType(config.mediaType) &&
    config.size >= layers.length * DIFF_ID_BYTES &&
    layers.every((layer) => isImageLayerType(layer.mediaType));
  if (!isImage) return undefined;
  return { config: config.digest, layers: layers.map(({ digest }) => digest) };
}
