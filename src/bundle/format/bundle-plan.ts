import type { LayoutContents, PackageContents, PackageKind } from "../../contents/contents.ts";
import { OptionInvalidError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import { BLOCK_BYTES, paddingOf } from "../../tar/block.ts";
import { formatEntryHeader } from "../../tar/entry-header.ts";
import {
  blobPath,
  CHUNK_COUNT_LIMIT,
  entryPath,
  formatPackageFile,
  OCI_LAYOUT_JSON,
} from "./format.ts";
import { renderArchiveManifest, renderLayoutIndex } from "./layout-index.ts";

/**
 * A package with every byte position decided (docs/bundle-format.md, "A package is a planned tar").
 *
 *   | header | data | padding | header | data | padding | … | two zero blocks |
 *   ^ headerOffset  ^ offset
 */
export interface PackagePlan {
  readonly name: string;
  readonly kind: PackageKind;
  /** Bytes of the whole tar. */
  readonly size: number;
  readonly entries: readonly PlannedEntry[];
  readonly files: readonly PlannedFile[];
  /** Size of every file but the last; the size of the tar where it is not split. */
  readonly chunkSizeBytes: number;
}

export interface PlannedFile {
  readonly name: string;
  readonly size: number;
}

interface PlannedEntry {
  readonly path: string;
  readonly headerOffset: number;
  /** First byte of the data. */
  readonly offset: number;
  readonly size: number;
  readonly content: GeneratedContent | BlobContent;
}

/** Bytes that the plan itself decides. */
interface GeneratedContent {
  readonly kind: "generated";
  readonly bytes: Buffer;
}

/** Bytes that are fetched: a manifest, config or layer. */
export interface BlobContent {
  readonly kind: "blob";
  readonly digest: Digest;
  readonly mediaType: string;
  /** Of a foreign layer: where it is if its registry does not have it. */
  readonly urls?: readonly string[];
  readonly origin: RepositoryReference;
}

/** Pure: the same contents and chunk size give the same plan, and the same plan gives the same bytes. */
export function planPackage(contents: PackageContents, chunkSizeBytes?: number): PackagePlan {
  const entries: PlannedEntry[] = [];
  let position = 0;
  for (const { path, size, content } of contents.layouts.flatMap((layout) =>
    entriesOf(layout, contents.kind),
  )) {
    const offset = position + formatEntryHeader({ path, size }).length;
    entries.push({ path, headerOffset: position, offset, size, content });
    position = offset + size + paddingOf(size);
  }
  const size = position + 2 * BLOCK_BYTES;
  return {
    name: contents.name,
    kind: contents.kind,
    size,
    entries,
    files: planFiles(contents.name, size, chunkSizeBytes),
    chunkSizeBytes: chunkSizeBytes ?? size,
  };
}

type Entry = Pick<PlannedEntry, "path" | "size" | "content">;

/** `oci-layout` and `index.json` first, then documents, then layers: a reader meets what it needs in this order. */
function entriesOf(layout: LayoutContents, kind: PackageKind): Entry[] {
  const generated = [
    generatedEntry(layout, "oci-layout", OCI_LAYOUT_JSON),
    generatedEntry(layout, "index.json", renderLayoutIndex(layout, kind)),
    ...(layout.path === "" && layout.images.some((image) => image.archive)
      ? [generatedEntry(layout, "manifest.json", renderArchiveManifest(layout))]
      : []),
  ];
  const seen = new Set<Digest>();
  const blobs = (["documents", "layers"] as const).flatMap((part) =>
    layout.images.flatMap((image) =>
      image[part].flatMap((descriptor) => {
        if (seen.has(descriptor.digest)) return [];
        seen.add(descriptor.digest);
        return [blobEntry(layout, descriptor, image.origin)];
      }),
    ),
  );
  return [...generated, ...blobs];
}

function generatedEntry(layout: LayoutContents, name: string, text: string): Entry {
  const bytes = Buffer.from(text);
  return {
    path: entryPath(layout.path, name),
    size: bytes.length,
    content: { kind: "generated", bytes },
  };
}

function blobEntry(
  layout: LayoutContents,
  { digest, size, mediaType, urls }: Descriptor,
  origin: RepositoryReference,
): Entry {
  return {
    path: blobPath(layout.path, digest),
    size,
    content: { kind: "blob", digest, mediaType, origin, ...(urls ? { urls } : {}) },
  };
}

/** The files of a package by its size: one, or chunk files. */
export function planFiles(
  name: string,
  size: number,
  chunkSizeBytes: number | undefined,
): PlannedFile[] {
  if (chunkSizeBytes === undefined) return [{ name: formatPackageFile(name), size }];
  const count = Math.ceil(size / chunkSizeBytes);
  if (count > CHUNK_COUNT_LIMIT) {
    throw new OptionInvalidError(
      "chunkSizeBytes",
      `"${name}" would have ${count} chunk files, more than ${CHUNK_COUNT_LIMIT}`,
      { hint: "Choose larger chunks" },
    );
  }
  return Array.from({ length: count }, (_, chunk) => ({
    name: formatPackageFile(name, chunk),
    size: Math.min(chunkSizeBytes, size - chunk * chunkSizeBytes),
  }));
}
