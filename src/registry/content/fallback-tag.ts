import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../../oci/manifest.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import type { Manifest, OperationOptions } from "../../store/store.ts";
import type { RepositoryContext } from "./blobs.ts";
import { putManifest } from "./manifests.ts";
import { fallbackTagOf, listFallbackReferrers } from "./referrers.ts";

/** The subject of a manifest, if it has one. What cannot be parsed has none: bytes are stored as they are. */
export function subjectOf({ bytes, descriptor }: Manifest): Descriptor | undefined {
  if (!bytes.includes('"subject"')) return undefined;
  try {
    return parseManifest(bytes, descriptor.mediaType, descriptor.digest).subject;
  } catch (error) {
    if (error instanceof ContentInvalidError) return undefined;
    throw error;
  }
}

/**
 * Adds a manifest to the index behind the fallback tag of its subject, as clients have to where the registry does not
 * list referrers itself. One change at a time per subject: there are no conditional requests to rely on.
 */
export async function addToFallbackTag(
  context: RepositoryContext,
  { manifest, subject }: { readonly manifest: Manifest; readonly subject: Digest },
  options: OperationOptions = {},
): Promise<void> {
  await context.host.exclusively(`${context.repository}@${subject}`, async () => {
    const known = await listFallbackReferrers(context, subject, options);
    if (known.some(({ digest }) => digest === manifest.descriptor.digest)) return;
    const index = createIndex([...known, describe(manifest)]);
    await putManifest(context, { manifest: index, reference: fallbackTagOf(subject) }, options);
  });
}

function describe({ bytes, descriptor }: Manifest): Descriptor {
  const { mediaType, digest, size } = descriptor;
  const document = parseManifest(bytes, mediaType, digest);
  const artifactType = artifactTypeOf(document);
  const { annotations } = document;
  return {
    mediaType,
    digest,
    size,
    ...(artifactType ? { artifactType } : {}),
    ...(annotations ? { annotations } : {}),
  };
}

function artifactTypeOf(document: ImageManifest | ImageIndex): string | undefined {
  return document.kind === "manifest"
    ? (document.artifactType ?? document.config.mediaType)
    : undefined;
}

function createIndex(manifests: readonly Descriptor[]): Manifest {
  const mediaType = MEDIA_TYPE.imageIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
