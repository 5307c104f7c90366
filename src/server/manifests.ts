import { childrenOf, isForeignLayer } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, isDigest, verifyDigest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import { type ManifestDocument, parseManifest } from "../oci/manifest.ts";
import { essenceOf, MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";
import { isTag } from "../oci/reference.ts";
import {
  emptyResponse,
  errorResponse,
  isUnchanged,
  jsonResponse,
  locationOf,
  type RegistryCall,
  type RegistryRequest,
  type RegistryResponse,
  soleAccepted,
  unknownRepository,
  type WriteCall,
} from "./message.ts";

/** RFC 7234, section 5.5.1; no longer in its successor, and known to clients all the same. */
const STALE_WARNING = '110 - "Response is Stale"';

/** GET and HEAD by tag or digest; `Accept` is not looked at. */
export async function readManifest(call: RegistryCall): Promise<RegistryResponse> {
  const { backend, reference, repository } = call;
  // Backends name files and ask registries by it
  const isReference = isTag(reference) || isDigest(reference);
  const manifest = isReference ? await backend.readManifest(repository, reference) : undefined;
  if (manifest === undefined) return unknownManifest(call);
  const { bytes, cache, descriptor, isUntyped } = manifest;
  const accepted = isUntyped ? soleAccepted(call.request) : undefined;
  const headers = {
    "docker-content-digest": descriptor.digest,
    etag: `"${descriptor.digest}"`,
    ...(cache === "stale" ? { warning: STALE_WARNING } : {}),
  };
  if (isUnchanged(call.request, headers.etag)) return { status: 304, headers, cache };
  return {
    status: 200,
    cache,
    headers: {
      "content-type": accepted ?? descriptor.mediaType,
      "content-length": String(bytes.length),
      ...headers,
    },
    body: bytes,
  };
}

/** PUT by tag or digest: everything that the document points at has to be in the repository. */
export async function writeManifest(call: WriteCall): Promise<RegistryResponse> {
  const { reference, repository, request, writer } = call;
  const bytes = await readBounded(request);
  if (bytes === undefined) {
    return errorResponse(413, { code: "SIZE_INVALID", message: "manifest is too large" });
  }
  const mediaType = essenceOf(request.headers["content-type"] ?? "");
  const checked = checkManifest(bytes, mediaType, reference);
  if ("status" in checked) return checked;
  const { document, digest } = checked;
  const missing = await findMissing(document, call);
  if (missing.length > 0) return unknownChildren(missing);
  const manifest = { descriptor: { mediaType, digest, size: bytes.length }, bytes };
  await writer.writeManifest(repository, manifest, isDigest(reference) ? undefined : reference);
  return emptyResponse(201, {
    location: locationOf(call, `manifests/${digest}`),
    "docker-content-digest": digest,
    ...(document.subject ? { "oci-subject": document.subject.digest } : {}),
  });
}

/** Undefined: it is larger than what a registry has to take, whether it says so or not. */
async function readBounded({ body, headers }: RegistryRequest): Promise<Buffer | undefined> {
  if (Number(headers["content-length"]) > MANIFEST_LIMIT_BYTES) return undefined;
  const parts: Buffer[] = [];
  let size = 0;
  // Who sends too much is answered all the same
  for await (const part of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MANIFEST_LIMIT_BYTES) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}

/** DELETE of a tag removes the tag, of a digest the manifest with all its tags. */
export async function deleteManifest(call: WriteCall): Promise<RegistryResponse> {
  const { backend, reference, repository, writer } = call;
  const manifest = await backend.readManifest(repository, reference);
  if (manifest === undefined) return unknownManifest(call);
  if (isDigest(reference)) await writer.deleteManifest(repository, reference);
  else await writer.deleteTag(repository, reference);
  return emptyResponse(202);
}

async function unknownManifest(call: RegistryCall): Promise<RegistryResponse> {
  const { backend, name, repository, reference } = call;
  if (!(await backend.hasRepository(repository))) return unknownRepository(name);
  return errorResponse(404, {
    code: "MANIFEST_UNKNOWN",
    message: "manifest is not in this repository",
    detail: { reference },
  });
}

interface CheckedManifest {
  readonly document: ManifestDocument;
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

async function findMissing(
  document: ManifestDocument,
  { backend, repository, sparseIndexes }: WriteCall,
): Promise<Descriptor[]> {
  if (document.kind === "index" && sparseIndexes) return [];
  const { blobs, manifests } = childrenOf(document);
  const missing: Descriptor[] = [];
  for (const blob of blobs) {
    const isThere = isForeignLayer(blob) || (await backend.statBlob(repository, blob.digest));
    if (!isThere) missing.push(blob);
  }
  for (const manifest of manifests) {
    if (!(await backend.readManifest(repository, manifest.digest))) missing.push(manifest);
  }
  return missing;
}

function unknownChildren(missing: readonly Descriptor[]): RegistryResponse {
  const errors = missing.map(({ digest }) => ({
    code: "MANIFEST_BLOB_UNKNOWN",
    message: "content that the manifest points at is not in this repository",
    detail: digest,
  }));
  return jsonResponse(400, { errors });
}
