import type { PackagePlan } from "../../../src/bundle/format/bundle-plan.ts";
import type { ImageContents, PackageContents } from "../../../src/contents/contents.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { digestOf } from "../../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { paddingOf } from "../../../src/tar/block.ts";
import { formatEntryHeader } from "../../../src/tar/entry-header.ts";

/** Content by digest: what a source would answer. */
export type Blobs = Map<string, Buffer>;

/** A blob of so many bytes that depend on the name; entered into `blobs`. */
function blobOf(blobs: Blobs, name: string, size: number, mediaType: string): Descriptor {
  const bytes = Buffer.alloc(size, `${name} `);
  const digest = digestOf(bytes);
  blobs.set(digest, bytes);
  return { mediaType, digest, size };
}

export interface ImageWish {
  readonly tags?: readonly string[];
  /** Sizes of the layers; the same name and size is the same layer in every image. */
  readonly layers?: Readonly<Record<string, number>>;
  readonly repository?: string;
  readonly fields?: Partial<ImageContents>;
}

/** Contents of an image whose manifest and config are placeholders: planning does not read them. */
export function imageContents(blobs: Blobs, name: string, wish: ImageWish = {}): ImageContents {
  const { repository = "modules/foo", tags = [name], layers = { [name]: 700 } } = wish;
  const root = blobOf(blobs, `${name} manifest`, 300, MEDIA_TYPE.imageManifest);
  const config = blobOf(blobs, `${name} config`, 100, MEDIA_TYPE.imageConfig);
  const origin = { registry: "registry.test", repository: `acme/${repository}` };
  return {
    repository,
    tags,
    root,
    kind: "image",
    source: `registry.test/acme/${repository}:${tags[0]}`,
    platforms: [],
    documents: [root, config],
    layers: Object.entries(layers).map(([layer, size]) =>
      blobOf(blobs, layer, size, MEDIA_TYPE.imageLayerGzip),
    ),
    origin,
    ...wish.fields,
  };
}

/** A package with one layout. */
export function packageContents(
  images: readonly ImageContents[],
  { name = "module-foo", path = "modules/foo" } = {},
): PackageContents {
  return { name, kind: "module", layouts: [{ path, images }] };
}

/** The bytes that a plan stands for, put together in memory. */
export function bytesOf(plan: PackagePlan, blobs: Blobs): Buffer {
  const parts = [...plan.entries].flatMap(({ path, size, content }) => [
    formatEntryHeader({ path, size }),
    content.kind === "generated" ? content.bytes : (blobs.get(content.digest) ?? Buffer.alloc(0)),
    Buffer.alloc(paddingOf(size)),
  ]);
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
