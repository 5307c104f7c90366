import { isDigest } from "../../oci/digest.ts";
import { isRepositoryName } from "../../oci/reference.ts";
import { SHORT_TAG } from "../../product/layouts.ts";

/** Names of docs/bundle-format.md, "Files". */
export const BUNDLE_MANIFEST_FILE = "bundle.json";
export const CHECKSUM_FILE = "SHA256SUMS";
export const PARTIAL_SUFFIX = ".partial";
/** `module-foo.tar.gostsum`: the Streebog-256 of the file beside it, as 64 hex digits and nothing else. */
export const GOST_SUFFIX = ".gostsum";
/** What `d8 mirror` calls a file while it writes it. */
export const UNFINISHED_SUFFIX = ".tmp";

/** Content of `oci-layout` (image-spec, image-layout.md). */
export const OCI_LAYOUT_JSON = '{"imageLayoutVersion":"1.0.0"}';

export const ANNOTATION = {
  refName: "org.opencontainers.image.ref.name",
  shortTag: SHORT_TAG,
  containerdName: "io.containerd.image.name",
  /** Of a manifest that is found by what it belongs to, and not by a tag. */
  subject: "io.containerd.manifest.subject",
} as const;

/** Largest number of chunk files of one package: four digits, and no medium holds more. */
export const CHUNK_COUNT_LIMIT = 100_000;

/** One image layout as a single tar, as skopeo and buildx write it; the name is free. */
const ARCHIVE_FILE = /^(.+)\.(?:tar|oci)$/i;

const PACKAGE_FILE = /^([A-Za-z0-9][A-Za-z0-9._-]*)\.tar(?:\.(\d{4,6})\.chunk)?$/;

/** `module-foo.tar` or, with a chunk number, `module-foo.tar.0003.chunk`. */
export function formatPackageFile(packageName: string, chunk?: number): string {
  return chunk === undefined
    ? `${packageName}.tar`
    : `${packageName}.tar.${String(chunk).padStart(4, "0")}.chunk`;
}

export interface PackageFileName {
  readonly packageName: string;
  readonly chunk?: number;
}

/** The inverse; undefined for any other file. */
export function parsePackageFile(fileName: string): PackageFileName | undefined {
  const match = PACKAGE_FILE.exec(fileName);
  if (match?.[1] === undefined) return undefined;
  return {
    packageName: match[1],
    ...(match[2] === undefined ? {} : { chunk: Number(match[2]) }),
  };
}

/** `My Image.OCI` → `My Image`: the name of an archive of another program that a user points at. */
export function parseArchiveFile(fileName: string): string | undefined {
  return ARCHIVE_FILE.exec(fileName)?.[1];
}

export type LayoutEntryName =
  | { readonly kind: "oci-layout" | "index" | "archive-manifest"; readonly layout: string }
  | { readonly kind: "blob"; readonly layout: string; readonly digest: string };

/** Path of a blob inside a layout: `sha256:ab…` → `blobs/sha256/ab…`. */
export function blobPath(layout: string, digest: string): string {
  return entryPath(layout, `blobs/${digest.replace(":", "/")}`);
}

export function entryPath(layout: string, name: string): string {
  return layout === "" ? name : `${layout}/${name}`;
}

const LAYOUT_ENTRY =
  /^(?:(?<layout>.+)\/)?(?:(?<file>oci-layout|index\.json|manifest\.json|repositories)|blobs\/(?<algorithm>sha256|sha384|sha512)\/(?<hex>[0-9a-f]{64,128}))$/;

const BLOB_DIRECTORY_FILE =
  /^(?:(?<layout>.+)\/)?blobs\/(?:sha256|sha384|sha512)\/(?!\.{1,2}$)[^/\\\0]+$/;

/** A file among blobs that is none, for example `blobs/sha256/<hex>123456`: what an interrupted pull of `d8 mirror` leaves. */
export function isStrayFile(path: string): boolean {
  const groups = BLOB_DIRECTORY_FILE.exec(normalizeEntryPath(path))?.groups;
  if (!groups || parseLayoutEntry(path)) return false;
  const layout = groups["layout"] ?? "";
  return layout === "" || isRepositoryName(layout);
}

/** The name of an entry without a leading `./`: both mean the same. */
export function normalizeEntryPath(path: string): string {
  return path.replace(/^\.\//, "");
}

/** What an entry of a package is; undefined for names that no layout has. */
export function parseLayoutEntry(path: string): LayoutEntryName | undefined {
  const groups = LAYOUT_ENTRY.exec(normalizeEntryPath(path))?.groups;
  if (!groups) return undefined;
  const layout = groups["layout"] ?? "";
  if (layout !== "" && !isRepositoryName(layout)) return undefined;
  const { file, algorithm, hex } = groups;
  if (file === undefined) {
    const digest = `${algorithm}:${hex}`;
    return isDigest(digest) ? { kind: "blob", layout, digest } : undefined;
  }
  if (file === "index.json") return { kind: "index", layout };
  return { kind: file === "oci-layout" ? "oci-layout" : "archive-manifest", layout };
}
