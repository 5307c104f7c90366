/** Media types of the OCI image specification and of Docker's schema 2. */
export const MEDIA_TYPE = {
  imageManifest: "application/vnd.oci.image.manifest.v1+json",
  imageIndex: "application/vnd.oci.image.index.v1+json",
  imageConfig: "application/vnd.oci.image.config.v1+json",
  imageLayer: "application/vnd.oci.image.layer.v1.tar",
  imageLayerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  imageLayerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  emptyConfig: "application/vnd.oci.empty.v1+json",
  /** Of the release candidates of image-spec 1.1; some registries still hold some. */
  artifactManifest: "application/vnd.oci.artifact.manifest.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerManifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  dockerLayer: "application/vnd.docker.image.rootfs.diff.tar",
  dockerLayerGzip: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  dockerLayerZstd: "application/vnd.docker.image.rootfs.diff.tar.zstd",
  octetStream: "application/octet-stream",
  chartConfig: "application/vnd.cncf.helm.config.v1+json",
  chartContent: "application/vnd.cncf.helm.chart.content.v1.tar+gzip",
  chartProvenance: "application/vnd.cncf.helm.chart.provenance.v1.prov",
} as const;

const KNOWN_TYPES: ReadonlyMap<string, string> = new Map(
  Object.values(MEDIA_TYPE).map((type) => [type, type]),
);

/** The same text: of the usual ones there is one in memory, whatever number of documents says it. */
export function shareMediaType(mediaType: string): string {
  return KNOWN_TYPES.get(mediaType) ?? mediaType;
}

const INDEX_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPE.imageIndex,
  MEDIA_TYPE.dockerManifestList,
]);

const MANIFEST_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPE.imageManifest,
  MEDIA_TYPE.dockerManifest,
  MEDIA_TYPE.artifactManifest,
]);

/** Configs of what runs on a platform; a manifest with any other is an artifact. */
const IMAGE_CONFIG_TYPES: ReadonlySet<string> = new Set([
  MEDIA_TYPE.imageConfig,
  MEDIA_TYPE.dockerConfig,
]);

/** Docker's schema 1: signed into the document, not content-addressable; refused everywhere. */
const LEGACY_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
]);

/** What a client that can read every manifest sends as `Accept`. */
export const MANIFEST_ACCEPT: string = [...MANIFEST_TYPES, ...INDEX_TYPES, "*/*;q=0.1"].join(", ");

/** Largest manifest that is read: what every registry has to accept (distribution-spec, "Pushing Manifests"). */
export const MANIFEST_LIMIT_BYTES: number = 4 * 1024 * 1024;

export function isIndexType(mediaType: string): boolean {
  return INDEX_TYPES.has(mediaType);
}

/** True for image manifests and indexes: what lives under `/manifests/` in a registry. */
export function isManifestType(mediaType: string): boolean {
  return MANIFEST_TYPES.has(mediaType) || INDEX_TYPES.has(mediaType);
}

export function isImageConfigType(mediaType: string): boolean {
  return IMAGE_CONFIG_TYPES.has(mediaType);
}

/** Whether every container runtime unpacks a layer of this type: tars, foreign ones too; none that is encrypted or a blob of nydus. */
export function isImageLayerType(mediaType: string): boolean {
  return (
    /^application\/vnd\.oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(?:gzip|zstd))?$/.test(
      mediaType,
    ) ||
    /^application\/vnd\.docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(?:gzip|zstd))?$/.test(
      mediaType,
    )
  );
}

export function isLegacyManifestType(mediaType: string): boolean {
  return LEGACY_TYPES.has(mediaType);
}

/** The type without parameters, in lower case: `Application/JSON; charset=utf-8` → `application/json`. */
export function essenceOf(contentType: string): string {
  return (contentType.split(";")[0] ?? "").trim().toLowerCase();
}
