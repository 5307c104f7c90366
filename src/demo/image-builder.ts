import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { Platform } from "../oci/platform.ts";
import { bufferContent, type HeldBlob } from "../server/memory-content.ts";
import type { Manifest } from "../store/store.ts";
import { type LayerFiles, layerTar, storedGzip } from "./layer-archive.ts";

interface BuiltBlob {
  readonly descriptor: Descriptor;
  readonly content: HeldBlob;
}

export interface BuiltLayer extends BuiltBlob {
  /** Digest of the tar before compression. */
  readonly diffId: Digest;
}

/** A manifest or index with everything below it. */
export interface BuiltArtifact {
  readonly manifest: Manifest;
  readonly blobs: readonly BuiltBlob[];
  readonly children: readonly BuiltArtifact[];
  readonly platform?: Platform;
}

export interface BuildImageOptions {
  readonly layers: readonly BuiltLayer[];
  /** Default `linux/amd64`. */
  readonly platform?: Platform | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** Fields of the config, in place of those that it would have. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** Media types of the OCI specification or of Docker's schema 2; default OCI. */
  readonly format?: "oci" | "docker" | undefined;
}

export interface BuildIndexOptions {
  readonly children: readonly BuiltArtifact[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  readonly format?: "oci" | "docker" | undefined;
}

/** A gzip layer with these files; the same files always make the same bytes. */
export function buildLayer(files: LayerFiles): BuiltLayer {
  const tar = layerTar(files);
  return { ...buildBlob(MEDIA_TYPE.imageLayerGzip, storedGzip(tar)), diffId: digestOf(tar) };
}

function buildBlob(mediaType: string, bytes: Buffer): BuiltBlob {
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    content: bufferContent(bytes),
  };
}

export function buildImage(options: BuildImageOptions): BuiltArtifact {
  const { annotations, format = "oci", labels, layers } = options;
  const platform = options.platform ?? { os: "linux", architecture: "amd64" };
  const types = IMAGE_TYPES[format];
  const config = buildJson(types.config, {
    created: "2026-01-01T00:00:00Z",
    ...platform,
    config: labels ? { Labels: labels } : {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    ...options.config,
  });
  const manifest = buildManifest(types.manifest, {
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => ({ ...descriptor, mediaType: types.layer })),
    ...(annotations ? { annotations } : {}),
  });
  return { manifest, blobs: [config, ...layers], children: [], platform };
}

export function buildIndex(options: BuildIndexOptions): BuiltArtifact {
  const { annotations, children, format = "oci" } = options;
  const manifest = buildManifest(IMAGE_TYPES[format].index, {
    manifests: children.map(({ manifest, platform }) => ({
      ...manifest.descriptor,
      ...(platform ? { platform } : {}),
    })),
    ...(annotations ? { annotations } : {}),
  });
  return { manifest, blobs: [], children };
}

const IMAGE_TYPES = {
  oci: {
    manifest: MEDIA_TYPE.imageManifest,
    index: MEDIA_TYPE.imageIndex,
    config: MEDIA_TYPE.imageConfig,
    layer: MEDIA_TYPE.imageLayerGzip,
  },
  docker: {
    manifest: MEDIA_TYPE.dockerManifest,
    index: MEDIA_TYPE.dockerManifestList,
    config: MEDIA_TYPE.dockerConfig,
    layer: MEDIA_TYPE.dockerLayerGzip,
  },
} as const;

function buildJson(mediaType: string, document: unknown): BuiltBlob {
  return buildBlob(mediaType, Buffer.from(JSON.stringify(document)));
}

function buildManifest(mediaType: string, fields: Readonly<Record<string, unknown>>): Manifest {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
