import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf, isDigest, verifyDigest } from "../../oci/digest.ts";
import { ContentMismatchError, ReferenceInvalidError } from "../../oci/errors.ts";
import {
  essenceOf,
  isManifestType,
  MANIFEST_ACCEPT,
  MANIFEST_LIMIT_BYTES,
} from "../../oci/media-type.ts";
import { formatReference, isTag } from "../../oci/reference.ts";
import { ContentUnknownError } from "../../store/errors.ts";
import type { ContentStat, Manifest, OperationOptions, ResolveOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import { readBody } from "../transport/body.ts";
import { toUnreachableError } from "../transport/connect/network-failure.ts";
import { contentLengthOf, headerOf } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import type { RepositoryContext } from "./blobs.ts";
import { hintOfRefusal, withHint } from "./manifest-refusal.ts";
import { type ManifestAnswer, mediaTypeOf } from "./manifest-type.ts";
import { refuseEncoding } from "./refuse-encoding.ts";

/** One GET. The bytes are checked against the digest asked for and the digest the server claims. */
export async function fetchManifest(
  context: RepositoryContext,
  reference: string,
  { signal }: OperationOptions = {},
): Promise<Manifest> {
  const { host, repository } = context;
  const target = manifestPath(context, reference);
  const patience = host.createPatience("GET", target);
  for (;;) {
    const response = await host.send({
      method: "GET",
      target,
      headers: { accept: MANIFEST_ACCEPT },
      scopes: [repositoryScope(repository, "pull")],
      accepts: [200],
      signal,
    });
    refuseEncoding(response, host);
    try {
      const bytes = await readBody(response, { limitBytes: MANIFEST_LIMIT_BYTES });
      if (bytes) return toManifest(context, reference, { bytes, headers: response.headers });
    } catch (error) {
      await patience.waitAfter(toUnreachableError(error, host.registry), signal);
      continue;
    }
    const { url, status } = response;
    const objection = `the manifest is larger than ${MANIFEST_LIMIT_BYTES} bytes`;
    const { registry } = host;
    throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
  }
}

/** Undefined when the answer to a HEAD fails to tell type, size and digest: then only a GET can. */
function describeHead(
  { headers, status }: HttpResponse,
  reference: string,
): Descriptor | undefined {
  if (status !== 200) return undefined;
  const mediaType = essenceOf(headerOf(headers, "content-type") ?? "");
  const digest = headerOf(headers, "docker-content-digest") ?? "";
  const size = contentLengthOf(headers);
  const isComplete = isManifestType(mediaType) && isDigest(digest) && size !== undefined;
  if (!isComplete) return undefined;
  if (isDigest(reference) && digest !== reference) return undefined;
  return { mediaType, digest, size };
}

export async function resolveManifest(
  context: RepositoryContext,
  reference: string,
  { onUnseen, ...options }: ResolveOptions = {},
): Promise<Descriptor> {
  const response = await sendHead(context, reference, options);
  const found = describeHead(response, reference);
  if (response.status === 404) onUnseen?.();
  return found ?? (await fetchManifest(context, reference, options)).descriptor;
}

/** The size of the manifest, if the repository has it. */
export async function statManifest(
  context: RepositoryContext,
  digest: Digest,
  options: OperationOptions = {},
): Promise<ContentStat | undefined> {
  try {
    const { size } = await resolveManifest(context, digest, options);
    return { size };
  } catch (error) {
    if (error instanceof RegistryResponseError && error.code === "REGISTRY_NOT_FOUND") {
      return undefined;
    }
    throw error;
  }
}

export async function existsManifest(
  context: RepositoryContext,
  digest: Digest,
  options: OperationOptions = {},
): Promise<boolean> {
  const { facts } = context.host;
  const { status } = await sendHead(context, digest, options);
  if (status === 200) return true;
  if (status === 404 && facts.hasReliableHead) return false;
  try {
    await fetchManifest(context, digest, options);
    return true;
  } catch (error) {
    if (!(error instanceof RegistryResponseError) || error.code !== "REGISTRY_NOT_FOUND") {
      throw error;
    }
    // both agree: from now on one of them is enough
    if (status === 404) facts.hasReliableHead = true;
    return false;
  }
}

export interface StoredManifest {
  readonly digest: Digest;
  /** Digest of the subject if the registry has listed the manifest among its referrers. */
  readonly indexedSubject: string | undefined;
}

export interface ManifestPut {
  readonly manifest: Manifest;
  /** Tag or digest. */
  readonly reference: string;
}

/**
 * Stores the bytes as they are under a tag or their digest; `ContentUnknownError` says what the registry lacks. Some
 * registries refuse to write what is there already, and the answer to a first attempt may have been lost: what is there
 * is then the answer.
 */
export async function storeManifest(
  context: RepositoryContext,
  put: ManifestPut,
  options: OperationOptions = {},
): Promise<StoredManifest> {
  try {
    return await putManifest(context, put, options);
  } catch (error) {
    if (!(error instanceof RegistryResponseError)) throw error;
    const hint = hintOfRefusal(error, put.manifest);
    const unknown = toUnknownContent(error, hint);
    if (unknown) throw unknown;
    const isRefusal = REFUSALS_OF_WRITTEN.has(error.status);
    if (!(isRefusal && (await isAt(context, put, options)))) throw withHint(error, hint);
    return { digest: put.manifest.descriptor.digest, indexedSubject: undefined };
  }
}

/** Tags that cannot be changed are refused with all of these. */
const REFUSALS_OF_WRITTEN: ReadonlySet<number> = new Set([403, 405, 409, 412]);

async function isAt(
  context: RepositoryContext,
  { manifest, reference }: ManifestPut,
  options: OperationOptions,
): Promise<boolean> {
  try {
    const found = await resolveManifest(context, reference, options);
    return found.digest === manifest.descriptor.digest;
  } catch (error) {
    // the refusal is what has to be told, not that it could not be looked into
    if (error instanceof RegistryResponseError) return false;
    throw error;
  }
}

/** Codes for what a manifest points at: of a blob, of a child of an index. */
const UNKNOWN_CONTENT: ReadonlySet<string> = new Set([
  "MANIFEST_BLOB_UNKNOWN",
  "BLOB_UNKNOWN",
  "MANIFEST_UNKNOWN",
]);

function toUnknownContent(
  error: RegistryResponseError,
  hint: string | undefined,
): ContentUnknownError | undefined {
  const unknown = error.serverErrors.filter(({ code }) => UNKNOWN_CONTENT.has(code));
  if (unknown.length === 0) return undefined;
  const digests = unknown.flatMap((one) => one.digests ?? []);
  const remedy = hint === undefined ? {} : { hint };
  return new ContentUnknownError(error.message, digests, { ...remedy, cause: error });
}

/** PUT, until it is answered. */
export async function putManifest(
  context: RepositoryContext,
  { manifest, reference }: ManifestPut,
  { signal }: OperationOptions = {},
): Promise<StoredManifest> {
  const { host, repository } = context;
  const { bytes, descriptor } = manifest;
  verifyDigest(bytes, descriptor.digest);
  const response = await host.send({
    method: "PUT",
    target: manifestPath(context, reference),
    headers: { "content-type": descriptor.mediaType },
    body: bytes,
    scopes: [repositoryScope(repository, "pull", "push")],
    accepts: [200, 201, 202],
    signal,
  });
  await response.discard();
  const stored = headerOf(response.headers, "docker-content-digest");
  refuseOtherDigest(descriptor.digest, stored);
  const indexedSubject = headerOf(response.headers, "oci-subject");
  return { digest: descriptor.digest, indexedSubject };
}

function manifestPath({ repository }: RepositoryContext, reference: string): string {
  if (!isTag(reference) && !isDigest(reference)) {
    throw new ReferenceInvalidError(reference, "it is neither a tag nor a digest");
  }
  return `/v2/${repository}/manifests/${reference}`;
}

async function sendHead(
  { host, repository }: RepositoryContext,
  reference: string,
  { signal }: OperationOptions,
): Promise<HttpResponse> {
  const response = await host.send({
    method: "HEAD",
    target: manifestPath({ host, repository }, reference),
    headers: { accept: MANIFEST_ACCEPT },
    scopes: [repositoryScope(repository, "pull")],
    // answered oddly by some (404 or 401 for what a GET gives, 500 for what is not there): the GET shall decide
    accepts: [200, 400, 401, 403, 404, 405, 500, 501],
    signal,
  });
  await response.discard();
  if (response.status === 200) host.facts.hasReliableHead = true;
  return response;
}

function toManifest(
  context: RepositoryContext,
  reference: string,
  { bytes, headers }: ManifestAnswer,
): Manifest {
  const claimed = headerOf(headers, "docker-content-digest");
  const digest = isDigest(reference) ? reference : claimedDigest(claimed, bytes);
  verifyDigest(bytes, digest);
  if (claimed !== undefined && claimed !== digest && sameAlgorithm(claimed, digest)) {
    throw new ContentMismatchError(digest, `the server calls it "${claimed}"`);
  }
  const mediaType = mediaTypeOf({ bytes, headers }, nameOf(context, reference));
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** A claim is only a hint of the algorithm until the bytes have been hashed. */
function claimedDigest(claimed: string | undefined, bytes: Buffer): Digest {
  return claimed !== undefined && isDigest(claimed) ? claimed : digestOf(bytes);
}

function refuseOtherDigest(digest: Digest, claimed: string | undefined): void {
  if (claimed !== undefined && claimed !== digest && sameAlgorithm(claimed, digest)) {
    throw new ContentMismatchError(digest, `the server stored it as "${claimed}"`);
  }
}

function sameAlgorithm(left: string, right: string): boolean {
  return left.split(":")[0] === right.split(":")[0];
}

function nameOf({ host, repository }: RepositoryContext, reference: string): string {
  const part = isDigest(reference) ? { digest: reference } : { tag: reference };
  return formatReference({ registry: host.registry, repository, ...part });
}
