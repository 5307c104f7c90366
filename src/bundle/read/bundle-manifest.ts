import { join } from "node:path";
import type { ImageKind, Omission, PackageKind } from "../../contents/contents.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { isRepositoryName, isTag } from "../../oci/reference.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import { BundleCorruptError, BundleVersionError } from "../errors.ts";
import { BUNDLE_MANIFEST_FILE, parsePackageFile } from "../format/format.ts";
import { readIfPresent } from "./checksum-file.ts";

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
  /** Files beside the packages, for people and clusters; never pushed. */
  readonly extraFiles?: readonly HashedBundleFile[];
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
  /** Lower-case hex; none of the package files has it where they were not hashed. */
  readonly sha256?: string;
  /** GOST R 34.11-2012 with 256 bits, as in the `.gostsum` file. */
  readonly streebog256?: string;
}

export interface HashedBundleFile extends BundleFile {
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
  /** The manifest that it belongs to, in the same repository. */
  readonly subject?: Digest;
  readonly sourceDigest?: Digest;
  /** What the source has of the image and the bundle has not. */
  readonly omitted?: readonly Omission[];
}

export interface BundleTotals {
  readonly images: number;
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes of the distinct manifests and blobs. */
  readonly uniqueBytes: number;
}

/** Whether the files of packages were hashed: else only what is in them has digests. */
export function hasFileSums({ packages }: Pick<BundleManifest, "packages">): boolean {
  return packages.every(({ files }) => files.every(({ sha256 }) => sha256 !== undefined));
}

/** Reads `bundle.json` of a directory; undefined if there is none or it is damaged. Its claims are checked by whoever uses them. */
export async function readIntactManifest(directory: string): Promise<BundleManifest | undefined> {
  const path = join(directory, BUNDLE_MANIFEST_FILE);
  try {
    const bytes = await readIfPresent(path);
    return bytes && parseBundleManifest(bytes, path);
  } catch (error) {
    if (error instanceof BundleCorruptError) return undefined;
    throw error;
  }
}

/** Pure; `path` is for messages. */
export function parseBundleManifest(bytes: Buffer, path: string): BundleManifest {
  const corrupt = (reason: string, options?: ErrorOptions) =>
    new BundleCorruptError({ path, offset: 0 }, reason, options);
  let value: unknown;
  try {
    value = parseStrictJson(bytes, `"${path}"`);
  } catch (cause) {
    throw corrupt(cause instanceof ContentInvalidError ? cause.reason : "it cannot be read", {
      cause,
    });
  }
  if (!isRecord(value)) throw corrupt("it is not an object");
  const { schemaVersion, mediaType } = value;
  if (schemaVersion === undefined && mediaType === undefined) {
    throw corrupt("it is not the manifest of a bundle");
  }
  if (mediaType !== BUNDLE_MEDIA_TYPE || schemaVersion !== 1) {
    throw new BundleVersionError(path, mediaType === BUNDLE_MEDIA_TYPE ? schemaVersion : mediaType);
  }
  const fault = findFault(value);
  if (fault !== undefined) throw corrupt(fault);
  const manifest = value as unknown as BundleManifest;
  shareTexts(manifest);
  return manifest;
}

type Shared = { -readonly [Key in "repository" | "mediaType" | "platforms"]: BundleImage[Key] };

/** Thousands of images have a few repositories, types and platforms between them; a parser makes them anew for each. */
function shareTexts({ packages }: BundleManifest): void {
  const texts = new Map<string, string>();
  const lists = new Map<string, readonly string[]>();
  const share = <Value>(known: Map<string, Value>, key: string, value: Value): Value => {
    const first = known.get(key) ?? value;
    if (first === value) known.set(key, value);
    return first;
  };
  const images = packages.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  for (const image of images as Shared[]) {
    image.repository = share(texts, image.repository, image.repository);
    image.mediaType = share(texts, image.mediaType, image.mediaType);
    image.platforms = share(lists, JSON.stringify(image.platforms), image.platforms);
  }
}

function findFault({
  packages,
  extraFiles = [],
  totals,
  source,
}: Record<string, unknown>): string | undefined {
  if (!Array.isArray(packages)) return "packages is not an array";
  const unsound = packages.findIndex((item) => !isPackage(item));
  if (unsound >= 0) return `packages[${unsound}] is not what the format requires`;
  if (!isExtraFiles(extraFiles)) return "extraFiles is not what the format requires";
  const files = (packages as BundlePackage[]).flatMap((item) => item.files);
  if (new Set(files.map(({ name }) => name)).size < files.length) return "it lists a file twice";
  const hashed = files.filter(({ sha256 }) => sha256 !== undefined);
  if (hashed.length > 0 && hashed.length < files.length) return "it has the sha256 of some files";
  if (source !== undefined && typeof source !== "string") return "source is not a string";
  return isBundleTotals(totals) ? undefined : "totals is not what the format requires";
}

export function isBundleTotals(value: unknown): value is BundleTotals {
  return isRecord(value) && TOTALS.every((key) => isSize(value[key]));
}

const TOTALS = ["images", "manifests", "blobs", "uniqueBytes"] as const;

const PACKAGE_KINDS: Readonly<Record<PackageKind, true>> = {
  platform: true,
  installer: true,
  security: true,
  module: true,
  package: true,
  plugin: true,
  images: true,
  artifacts: true,
  files: true,
};

const IMAGE_KINDS: Readonly<Record<ImageKind, true>> = {
  image: true,
  "release-channel": true,
  extra: true,
  signature: true,
  attestation: true,
  sbom: true,
  chart: true,
  file: true,
  referrer: true,
};

export function isPackageKind(value: unknown): value is PackageKind {
  return Object.hasOwn(PACKAGE_KINDS, String(value));
}

function isPackage(value: unknown): value is BundlePackage {
  if (!isRecord(value)) return false;
  const { name, kind, size, files, layouts } = value;
  return (
    typeof name === "string" &&
    isPackageKind(kind) &&
    Array.isArray(files) &&
    files.length > 0 &&
    files.every((file, position) => isFileOf(file, { name, position, count: files.length })) &&
    files.reduce((sum: number, file: BundleFile) => sum + file.size, 0) === size &&
    Array.isArray(layouts) &&
    layouts.every(isBundleLayout)
  );
}

/** Their names can be mistaken for no other file of a bundle. */
function isExtraFiles(value: unknown): value is HashedBundleFile[] {
  return (
    Array.isArray(value) &&
    value.every(
      (file) =>
        isRecord(file) &&
        /^(?!bundle\.)[a-z0-9][a-z0-9_-]{0,63}\.(?:json|yaml)$/.test(String(file["name"])) &&
        isSize(file["size"]) &&
        isHash(file["sha256"]),
    ) &&
    new Set(value.map(({ name }) => name)).size === value.length
  );
}

interface FilePosition {
  readonly name: string;
  readonly position: number;
  readonly count: number;
}

/** Files are the parts of the package in order: `x.tar`, or `x.tar.0000.chunk` and so on. */
function isFileOf(value: unknown, { name, position, count }: FilePosition): value is BundleFile {
  if (!isRecord(value) || typeof value["name"] !== "string") return false;
  const parsed = parsePackageFile(value["name"]);
  return (
    parsed?.packageName === name &&
    (parsed.chunk === undefined ? count === 1 : parsed.chunk === position) &&
    isSize(value["size"]) &&
    (value["sha256"] === undefined || isHash(value["sha256"])) &&
    (value["streebog256"] === undefined || isHash(value["streebog256"]))
  );
}

function isHash(value: unknown): boolean {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

export function isBundleLayout(value: unknown): value is BundleLayout {
  if (!isRecord(value)) return false;
  const { path, images } = value;
  return isPath(path) && Array.isArray(images) && images.every(isImage);
}

function isImage(value: unknown): value is BundleImage {
  if (!isRecord(value)) return false;
  const { repository, tags, digest, mediaType, size, platforms, source, kind, subject } = value;
  return (
    isPath(repository) &&
    isListOf(tags, isTag) &&
    typeof digest === "string" &&
    isDigest(digest) &&
    typeof mediaType === "string" &&
    isSize(size) &&
    isListOf(platforms, () => true) &&
    typeof source === "string" &&
    Object.hasOwn(IMAGE_KINDS, String(kind)) &&
    (subject === undefined || (typeof subject === "string" && isDigest(subject)))
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Repository path below the target; empty for the target itself. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && (value === "" || isRepositoryName(value));
}

function isListOf(value: unknown, accepts: (text: string) => boolean): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string" && accepts(item));
}
