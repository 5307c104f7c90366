import type { Descriptor } from "../oci/descriptor.ts";
import { digestOf } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { Manifest } from "../store/store.ts";

export interface TinyImage {
  readonly manifest: Manifest;
  readonly blobs: readonly { readonly descriptor: Descriptor; readonly bytes: Buffer }[];
}

/**
 * The image behind discovery tags such as `modules:foo`: the tag's name is the message. The same bytes for every name
 * and in every run, so that a second push finds it there.
 */
export function createDiscoveryImage(): TinyImage {
  // An empty tar: nothing but the two blocks that end it
  const layer = blob(MEDIA_TYPE.imageLayer, Buffer.alloc(1024));
  const config = blob(
    MEDIA_TYPE.imageConfig,
    Buffer.from(
      JSON.stringify({
        architecture: "amd64",
        os: "linux",
        config: {},
        rootfs: { type: "layers", diff_ids: [layer.descriptor.digest] },
      }),
    ),
  );
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.imageManifest,
      config: config.descriptor,
      layers: [layer.descriptor],
    }),
  );
  const manifest = { descriptor: blob(MEDIA_TYPE.imageManifest, bytes).descriptor, bytes };
  return { manifest, blobs: [config, layer] };
}

function blob(mediaType: string, bytes: Buffer) {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
