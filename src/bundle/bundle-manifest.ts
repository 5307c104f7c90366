import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isRepositoryName, isTag } from "../oci/reference.ts";
import { parseStrictJson } from "../oci/strict-json.ts";
import type { ImageKind, PackageKind } from "./contents.ts";
import { BundleCorruptError, BundleVersionError } from "./errors.ts";
import { BUNDLE_MANIFEST_FILE, parsePackageFile } from "./format.ts";

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

/** Largest `bundle.json` that is read. */
const MANIFEST_LIMIT_BYTES = 256 * 1024 * 1024;

/** Reads `bundle.json` of a directory; undefined if there is none. Its claims are checked by whoever uses them. */
export async function readBundleManifest(directory: string): Promise<BundleManifest | undefined> {
  const path = join(directory, BUNDLE_MANIFEST_FILE);
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > MANIFEST_LIMIT_BYTES)
      throw new BundleCorruptError({ path, offset: 0 }, "it is too large");
    bytes = await readFile(path);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw storageError(error, path);
  }
  return parseBundleManifest(bytes, path);
}

function parseBundleManifest(bytes: Buffer, path: string): BundleManifest {
  const corrupt = (reason: string, options?: ErrorOptions) =>
    new BundleCorruptError({ path, offset: 0 }, reason, options);
  let value: Partial<BundleManifest>;
  try {
    value = parseStrictJson(bytes, `"${path}"`) as Partial<BundleManifest>;
  } catch (cause) {
    throw corrupt("it is not valid JSON", { cause });
  }
  if (value === null || typeof value !== "object") throw corrupt("it is not an object");
  if (value.mediaType !== BUNDLE_MEDIA_TYPE || value.schemaVersion !== 1) {
    throw new BundleVersionError(path, value.mediaType ?? value.schemaVersion);
  }
  for (const item of value.packages ?? [undefined]) {
    const isSound =
      typeof item?.name === "string" &&
      Number.isSafeInteger(item.size) &&
      item.layouts?.every((layout) => layout.images?.every(isImage)) &&
      item.files?.every(isFile);
    if (!isSound) throw corrupt("a package is not described as the format requires");
  }
  return value as BundleManifest;
}

function isFile({ name, size, sha256 }: BundleFile): boolean {
  return (
    parsePackageFile(name) !== undefined &&
    Number.isSafeInteger(size) &&
    /^[0-9a-f]{64}$/.test(sha256)
  );
}

function isImage({ repository, tags, digest }: BundleImage): boolean {
  return (
    (repository === "" || isRepositoryName(repository)) &&
    Array.isArray(tags) &&
    tags.every((tag) => typeof tag === "string" && isTag(tag)) &&
    isDigest(digest)
  );
}
