import { buffer } from "node:stream/consumers";
import { childrenOf } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest, verifyDigest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import { type ImageIndex, type ImageManifest, parseManifest } from "../oci/manifest.ts";
import { essenceOf, MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";
import { isTag } from "../oci/reference.ts";
import type { RegistryCall } from "./call.ts";
import type { RepositoryContent } from "./memory-content.ts";
import { emptyResponse, errorResponse, jsonResponse, type RegistryResponse } from "./message.ts";

/** GET and HEAD by tag or digest; `Accept` is not looked at. */
export function readManifest(call: RegistryCall): RegistryResponse {
  const digest = findDigest(call);
  const manifest = call.content.repositories.get(call.repository)?.manifests.get(digest ?? "");
  if (digest === undefined || manifest === undefined) return unknownManifest(call);
  return {
    status: 200,
    headers: {
      "content-type": manifest.mediaType,
      "content-length": String(manifest.bytes.length),
      "docker-content-digest": digest,
      etag: `"${digest}"`,
    },
    body: manifest.bytes,
  };
}

/** PUT by tag or digest: everything that the document points at has to be in the repository. */
export async function writeManifest(call: RegistryCall): Promise<RegistryResponse> {
  const { content, reference, repository, request } = call;
  if (Number(request.headers["content-length"]) > MANIFEST_LIMIT_BYTES) {
    return errorResponse(413, { code: "SIZE_INVALID", message: "manifest is too large" });
  }
  const bytes = await buffer(request.body);
  const mediaType = essenceOf(request.headers["content-type"] ?? "");
  const checked = checkManifest(bytes, mediaType, reference);
  if ("status" in checked) return checked;
  const { document, digest } = checked;
  const missing = findMissing(document, content.repositories.get(repository), call.sparseIndexes);
  if (missing.length > 0) return unknownChildren(missing);
  const { manifests, tags } = content.repository(repository);
  manifests.set(digest, { mediaType, bytes });
  if (!isDigest(reference)) tags.set(reference, digest);
  return emptyResponse(201, {
    location: `/v2/${repository}/manifests/${digest}`,
    "docker-content-digest": digest,
    ...(document.subject ? { "oci-subject": document.subject.digest } : {}),
  });
}

/** DELETE of a tag removes the tag, of a digest the manifest with all its tags. */
export function deleteManifest(call: RegistryCall): RegistryResponse {
  const digest = findDigest(call);
  const repository = call.content.repositories.get(call.repository);
  if (digest === undefined || !repository?.manifests.has(digest)) return unknownManifest(call);
  for (const [tag, tagged] of repository.tags) {
    if (tag === call.reference || (call.reference === digest && tagged === digest)) {
      repository.tags.delete(tag);
    }
  }
  if (call.reference === digest) repository.manifests.delete(digest);
  return emptyResponse(202);
}

function findDigest({ content, repository, reference }: RegistryCall): Digest | undefined {
  if (isDigest(reference)) return reference;
  return content.repositories.get(repository)?.tags.get(reference);
}

function unknownManifest({ content, repository, reference }: RegistryCall): RegistryResponse {
  return content.repositories.has(repository)
    ? errorResponse(404, {
        code: "MANIFEST_UNKNOWN",
        message: "manifest is not in this repository",
        detail: { reference },
      })
    : errorResponse(404, {
        code: "NAME_UNKNOWN",
        message: "repository is not known",
        detail: { name: repository },
      });
}

interface CheckedManifest {
  readonly document: ImageManifest | ImageIndex;
  readonly digest: Digest;
}

function checkManifest(
  bytes: Buffer,
  mediaType: string,
  reference: string,
): CheckedManifest | RegistryResponse {
  if (!isDigest(reference) && !isTag(reference)) {
    const code = reference.includes(":") ? "DIGEST_INVALID" : "TAG_INVALID";
    return errorResponse(400, { code, message: "reference is neither a tag nor a digest" });
  }
  try {
    if (isDigest(reference)) verifyDigest(bytes, reference);
    const digest = isDigest(reference) ? reference : digestOf(bytes);
    return { document: parseManifest(bytes, mediaType, reference), digest };
  } catch (error) {
    if (error instanceof ContentMismatchError) {
      return errorResponse(400, { code: "DIGEST_INVALID", message: error.message });
    }
    if (error instanceof ContentInvalidError) {
      return errorResponse(400, { code: "MANIFEST_INVALID", message: error.message });
    }
    throw error;
  }
}

function findMissing(
  document: ImageManifest | ImageIndex,
  repository: RepositoryContent | undefined,
  sparseIndexes: boolean,
): Descriptor[] {
  if (document.kind === "index" && sparseIndexes) return [];
  const { blobs, manifests } = childrenOf(document);
  return [
    ...blobs.filter(({ digest }) => !repository?.blobs.has(digest)),
    ...manifests.filter(({ digest }) => !repository?.manifests.has(digest)),
  ];
}

function unknownChildren(missing: readonly Descriptor[]): RegistryResponse {
  const errors = missing.map(({ digest }) => ({
    code: "MANIFEST_BLOB_UNKNOWN",
    message: "content that the manifest points at is not in this repository",
    detail: digest,
  }));
  return jsonResponse(400, { errors });
}
