import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";

export type PackageKind =
  | "platform"
  | "installer"
  | "security"
  | "module"
  | "package"
  | "plugin"
  | "images"
  /** What is named by reference as images are, and no runtime can run. */
  | "artifacts"
  /** Files that were named by their path; each is a repository. */
  | "files";

export type ImageKind =
  | "image"
  | "release-channel"
  | "extra"
  | "signature"
  | "attestation"
  | "sbom"
  /** A Helm chart. */
  | "chart"
  /** A plain file. */
  | "file"
  /** Belongs to another manifest, and is none of the above. */
  | "referrer";

/**
 * What a bundle holds, before any byte has a place: the answer of resolving, the input of planning. Everything is in
 * its final order; the same contents always make the same bytes.
 */
export interface PackageContents {
  /** File name without `.tar`: `module-foo`, `images`. */
  readonly name: string;
  readonly kind: PackageKind;
  readonly layouts: readonly LayoutContents[];
}

export interface LayoutContents {
  /** Path inside the package = repository path below the target; empty for the root. */
  readonly path: string;
  readonly images: readonly ImageContents[];
}

/** One root manifest or index with everything below it. */
export interface ImageContents {
  /** Repository path below the target. */
  readonly repository: string;
  /**
   * Tags to publish; the bare hex of the digest for images that are addressed by digest. Sorted. None for what is found
   * by its subject.
   */
  readonly tags: readonly string[];
  readonly root: Descriptor;
  readonly kind: ImageKind;
  /** The manifest that it belongs to, in the same repository. */
  readonly subject?: Digest | undefined;
  /** Full reference in the source registry. */
  readonly source: string;
  /** `os/architecture[/variant]` of each child of an index, sorted. */
  readonly platforms: readonly string[];
  /** Manifests (the root first) and configs in graph order, each once: small, and read by everyone. */
  readonly documents: readonly Descriptor[];
  /** Layers and other blobs in graph order, each once. */
  readonly layers: readonly Descriptor[];
  /** Where manifests and blobs are fetched from. */
  readonly origin: RepositoryReference;
  /** Digest of the index in the source, where parts of it were left out. */
  readonly sourceDigest?: Digest | undefined;
  /** Indexes that are in no registry, because parts of them were left out. */
  readonly rewritten?: readonly RewrittenIndex[] | undefined;
  /** Content that is in no registry. */
  readonly made?: readonly MadeContent[] | undefined;
  /** What the source has of the image and the bundle has not. */
  readonly omitted?: readonly Omission[] | undefined;
  /** For `manifest.json` of `images.tar`: the image that one-platform tools load. */
  readonly archive?: ArchiveImage | undefined;
}

export interface RewrittenIndex {
  readonly digest: Digest;
  readonly text: string;
}

/** Content that is in no registry, and where it is: enough to get it again in another run. */
export type MadeContent =
  | { readonly kind: "text"; readonly digest: Digest; readonly text: string }
  /** Of a web server. */
  | {
      readonly kind: "web";
      readonly digest: Digest;
      readonly address: string;
      /** The file that gave the address. */
      readonly namedBy: string;
    }
  | {
      readonly kind: "file";
      readonly digest: Digest;
      readonly path: string;
      /** Milliseconds since 1970; missing: only the digest tells whether it is the same. */
      readonly modifiedAt?: number;
    };

/** A manifest that is made here, and all that it points at. */
export interface MadeArtifact {
  readonly descriptor: Descriptor;
  readonly contents: readonly MadeContent[];
}

/** Part of an image that is left out, and why. */
export interface Omission {
  readonly kind: OmissionKind;
  readonly digest: Digest;
  readonly mediaType: string;
  /** `os/architecture[/variant]`, where it is known. */
  readonly platform?: string | undefined;
  readonly reason: string;
}

export type OmissionKind = "platform" | "missing-attestation" | "foreign-layer";

/** Packages whose content is named by full references and lies in one layout at the root. */
export function isNamedPackage(kind: PackageKind): boolean {
  return kind === "images" || kind === "artifacts";
}

/** One entry of `docker save`'s `manifest.json`. */
export interface ArchiveImage {
  readonly config: Digest;
  readonly layers: readonly Digest[];
  /** Set where it is the only system that the image is for. */
  readonly os?: "windows" | undefined;
}

/** A file of the bundle beside its packages: for people and clusters, never pushed. */
export interface ExtraFile {
  readonly name: string;
  readonly text: string;
}
