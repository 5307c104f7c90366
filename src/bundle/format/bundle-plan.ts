import type { LayoutContents, PackageContents, PackageKind } from "../../contents/contents.ts";
import { OptionInvalidError } from "../../errors.ts";
import { MadeList } from "../../made-list.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import { BLOCK_BYTES, paddingOf } from "../../tar/block.ts";
import { measureEntryHeader } from "../../tar/entry-header.ts";
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
  readonly entries: MadeList<PlannedEntry>;
  readonly files: readonly PlannedFile[];
  /** Size of every file but the last; the size of the tar where it is not split. */
  readonly chunkSizeBytes: number;
}

export interface PlannedFile {
  readonly name: string;
  readonly size: number;
}

/** One member of a planned tar. */
export interface PlannedEntry {
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
  const columns = new EntryColumns();
  for (const layout of contents.layouts) enterLayout(columns, layout, contents.kind);
  const { size, entries } = columns.place();
  return {
    name: contents.name,
    kind: contents.kind,
    size,
    entries,
    files: planFiles(contents.name, size, chunkSizeBytes),
    chunkSizeBytes: chunkSizeBytes ?? size,
  };
}

/** What the plan decides itself; made again whenever it is asked for, as it may be as large as all else of the plan. */
interface GeneratedText {
  readonly name: string;
  readonly size: number;
  readonly render: () => string;
}

/** The entries of a package, by what is known of each: no more than a few words for one of a hundred thousand. */
class EntryColumns {
  readonly #layouts: string[] = [];
  readonly #sources: (GeneratedText | Descriptor)[] = [];
  readonly #origins: (RepositoryReference | undefined)[] = [];

  addGenerated(layout: string, name: string, render: () => string): void {
    this.#layouts.push(layout);
    this.#sources.push({ name, size: Buffer.byteLength(render()), render });
    this.#origins.push(undefined);
  }

  addBlob(layout: string, descriptor: Descriptor, origin: RepositoryReference): void {
    this.#layouts.push(layout);
    this.#sources.push(descriptor);
    this.#origins.push(origin);
  }

  /** One behind the other. */
  place(): Pick<PackagePlan, "size" | "entries"> {
    const count = this.#sources.length;
    const [starts, offsets] = [new Float64Array(count), new Float64Array(count)];
    let end = 0;
    for (let index = 0; index < count; index++) {
      const { path, size } = this.#entryAt(index, end, end);
      starts[index] = end;
      offsets[index] = end + measureEntryHeader({ path, size });
      end = (offsets[index] ?? 0) + size + paddingOf(size);
    }
    const at = (index: number) => this.#entryAt(index, starts[index] ?? 0, offsets[index] ?? 0);
    return { size: end + 2 * BLOCK_BYTES, entries: new MadeList(count, at) };
  }

  #entryAt(index: number, headerOffset: number, offset: number): PlannedEntry {
    const [layout, source] = [this.#layouts[index], this.#sources[index]];
    if (layout === undefined || !source) throw new Error(`the plan has no entry ${index}`);
    const place = { layout, headerOffset, offset };
    if ("render" in source) return new GeneratedEntry(place, source);
    const origin = this.#origins[index];
    if (!origin) throw new Error(`nobody knows where ${source.digest} comes from`);
    return new BlobEntry(place, source, origin);
  }
}

interface EntryPosition {
  readonly layout: string;
  readonly headerOffset: number;
  readonly offset: number;
}

class GeneratedEntry implements PlannedEntry {
  readonly path: string;
  readonly headerOffset: number;
  readonly offset: number;
  readonly size: number;
  readonly content: GeneratedContent;

  constructor({ layout, headerOffset, offset }: EntryPosition, text: GeneratedText) {
    this.path = entryPath(layout, text.name);
    this.headerOffset = headerOffset;
    this.offset = offset;
    this.size = text.size;
    this.content = {
      kind: "generated",
      get bytes() {
        return Buffer.from(text.render());
      },
    };
  }
}

class BlobEntry implements PlannedEntry {
  readonly #layout: string;
  readonly headerOffset: number;
  readonly offset: number;
  readonly size: number;
  readonly content: BlobContent;

  constructor(
    { layout, headerOffset, offset }: EntryPosition,
    { digest, mediaType, size, urls }: Descriptor,
    origin: RepositoryReference,
  ) {
    this.#layout = layout;
    this.headerOffset = headerOffset;
    this.offset = offset;
    this.size = size;
    this.content = { kind: "blob", digest, mediaType, origin, ...(urls ? { urls } : {}) };
  }

  /** Put together when it is asked for: most who go through a plan want a size or a digest. */
  get path(): string {
    return blobPath(this.#layout, this.content.digest);
  }
}

/** `oci-layout` and `index.json` first, then documents, then layers: a reader meets what it needs in this order. */
function enterLayout(columns: EntryColumns, layout: LayoutContents, kind: PackageKind): void {
  const { path, images } = layout;
  columns.addGenerated(path, "oci-layout", () => OCI_LAYOUT_JSON);
  columns.addGenerated(path, "index.json", () => renderLayoutIndex(layout, kind));
  if (path === "" && images.some((image) => image.archive)) {
    columns.addGenerated(path, "manifest.json", () => renderArchiveManifest(layout));
  }
  const seen = new Set<Digest>();
  for (const part of ["documents", "layers"] as const) {
    for (const image of images) {
      for (const descriptor of image[part]) {
        if (seen.has(descriptor.digest)) continue;
        seen.add(descriptor.digest);
        columns.addBlob(path, descriptor, image.origin);
      }
    }
  }
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
