import { type Descriptor, dropNulls, isStringMap, parseDescriptor } from "./descriptor.ts";
import { ContentInvalidError } from "./errors.ts";
import { isIndexType, isLegacyManifestType, isManifestType, MEDIA_TYPE } from "./media-type.ts";
import { parseStrictJson } from "./strict-json.ts";

/** An image manifest (OCI or Docker schema 2). */
export interface ImageManifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An image index or manifest list. */
export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An OCI artifact manifest: blobs without a config (image-spec 1.1.0-rc2, artifact.md; withdrawn before 1.1). */
export interface ArtifactManifest {
  readonly kind: "artifact";
  readonly mediaType: string;
  readonly blobs: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export type ManifestDocument = ImageManifest | ImageIndex | ArtifactManifest;

/**
 * Parses the bytes behind a descriptor of a manifest or index. Refused with `CONTENT_INVALID`: duplicate or
 * case-variant keys, documents that are both manifest and index (CVE-2021-41190), a `mediaType` field that
 * contradicts the descriptor, schema 1.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType: string,
  subject: string,
): ManifestDocument {
  const refuse = (reason: string) => new ContentInvalidError(`manifest ${subject}`, reason);
  if (isLegacyManifestType(mediaType)) {
    throw new ContentInvalidError(`manifest ${subject}`, "it is a Docker schema 1 manifest", {
      hint: "Push the image again with a current tool: registries no longer serve schema 1",
    });
  }
  if (!isManifestType(mediaType)) throw refuse(`its media type "${mediaType}" is not a manifest's`);
  const document = parseStrictJson(bytes, `manifest ${subject}`);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw refuse("it is not a JSON object");
  }
  const fields = document as Record<string, unknown>;
  refuseContradictions(fields, mediaType, refuse);
  if (isIndexType(mediaType)) return toIndex(fields, mediaType, refuse);
  return mediaType === MEDIA_TYPE.artifactManifest
    ? toArtifact(fields, mediaType, refuse)
    : toManifest(fields, mediaType, refuse);
}

type Refuse = (reason: string) => ContentInvalidError;

/** A document must be one thing for every reader, whatever it was served as. */
function refuseContradictions(
  fields: Record<string, unknown>,
  mediaType: string,
  refuse: Refuse,
): void {
  const told = fields["mediaType"] === "" ? undefined : fields["mediaType"];
  const claimed = told ?? mediaType;
  if (claimed !== mediaType) {
    throw refuse(`it calls itself "${String(claimed)}" but was served as "${mediaType}"`);
  }
  const has = (field: string) => fields[field] !== undefined;
  if (has("manifests") && (has("layers") || has("config"))) {
    throw refuse("it is both an index and an image manifest");
  }
  if (has("fsLayers")) throw refuse("it is both a schema 1 and a schema 2 manifest");
  // Artifact manifests have none
  const isVersioned = mediaType !== MEDIA_TYPE.artifactManifest;
  if (isVersioned && fields["schemaVersion"] !== 2) throw refuse("schemaVersion is not 2");
}

function toIndex(fields: Record<string, unknown>, mediaType: string, refuse: Refuse): ImageIndex {
  return {
    kind: "index",
    mediaType,
    manifests: descriptors(fields["manifests"], "manifests", refuse),
    ...shared(fields, refuse),
  };
}

function toManifest(
  fields: Record<string, unknown>,
  mediaType: string,
  refuse: Refuse,
): ImageManifest {
  return {
    kind: "manifest",
    mediaType,
    config: parseDescriptor(fields["config"], "config"),
    layers: descriptors(fields["layers"], "layers", refuse),
    ...shared(fields, refuse),
  };
}

/** Without `blobs` it has annotations only. */
function toArtifact(
  fields: Record<string, unknown>,
  mediaType: string,
  refuse: Refuse,
): ArtifactManifest {
  return {
    kind: "artifact",
    mediaType,
    blobs: descriptors(fields["blobs"] ?? null, "blobs", refuse),
    ...shared(fields, refuse),
  };
}

function shared(
  { subject, artifactType, annotations }: Record<string, unknown>,
  refuse: Refuse,
): Pick<ImageIndex, "subject" | "artifactType" | "annotations"> {
  const texts = dropNulls(annotations ?? undefined);
  if (texts !== undefined && !isStringMap(texts)) throw refuse("annotations is not a map of texts");
  return {
    ...(subject ? { subject: parseDescriptor(subject, "subject") } : {}),
    ...(typeof artifactType === "string" ? { artifactType } : {}),
    ...(texts ? { annotations: texts } : {}),
  };
}

/** `null` is an empty list: so programs in Go write one. */
function descriptors(value: unknown, field: string, refuse: Refuse): Descriptor[] {
  if (value === null) return [];
  if (!Array.isArray(value)) throw refuse(`${field} is not an array`);
  return value.map((item, position) => parseDescriptor(item, `${field}[${position}]`));
}
