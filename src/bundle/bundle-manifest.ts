import type { Digest } from "../oci/digest.ts";
import type { ImageKind, PackageKind } from "./contents.ts";

export const BUNDLE_MEDIA_TYPE = "application/vnd.airgap-mirror.bundle.v1+json";

/** `bundle.json`: the manifest of the bundle (docs/bundle-format.md, "bundle.json"). */
export interface BundleManifest {
  readonly schemaVersion: 1;
  readonly mediaType: typeof BUNDLE_MEDIA_TYPE;
  /** `registry/repository` that modules came from. */
  readonly source?: string;
  /** The selection as it was asked for: the parsed wishes. */
  readonly selection: unknown;
  readonly packages: readonly BundlePackage[];
  readonly totals: BundleTotals;
}

export interface BundlePackage {
  readonly name: string;
  readonly kind: PackageKind;
  /** Bytes of the whole tar. */
  readonly size: number;
  readonly files: readonly BundleFile[];
  readonly layouts: readonly BundleLayout[];
}

export interface BundleFile {
  readonly name: string;
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface BundleLayout {
  readonly path: string;
  readonly images: readonly BundleImage[];
}

export interface BundleImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes of the whole graph, manifests included. */
  readonly size: number;
  readonly platforms: readonly string[];
  readonly source: string;
  readonly kind: ImageKind;
  readonly sourceDigest?: Digest;
}

export interface BundleTotals {
  readonly images: number;
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes of the distinct manifests and blobs. */
  readonly uniqueBytes: number;
}
