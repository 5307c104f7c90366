import { type Descriptor, parseDescriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import { formatReference } from "../../oci/reference.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import type { Manifest, OperationOptions, ReferrersOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RepositoryContext } from "./blobs.ts";
import { existsManifest, fetchManifest } from "./manifests.ts";
import { listPages, WebPageError } from "./pages.ts";

/**
 * Manifests whose subject is the digest: from the API, or from the fallback tag where there is no API. Which it is gets
 * remembered for the repository. What clients put behind the tag before there was an API counts as long as it is there.
 */
export async function listReferrers(
  context: RepositoryContext,
  digest: Digest,
  { artifactType, tags, signal }: ReferrersOptions = {},
): Promise<readonly Descriptor[]> {
  const { host, repository } = context;
  const listed = host.facts.withoutReferrersApi.has(repository)
    ? undefined
    : await fromApi(context, digest, { signal }).catch((error: unknown) => {
        return tagged(context, digest, { signal, error });
      });
  // Where the list of tags is not known, only the registry can tell; with an API it has told
  const isTagged = (await tags)?.has(fallbackTagOf(digest));
  const isBehindTag = isTagged ?? listed === undefined;
  const behindTag = isBehindTag ? await listFallbackReferrers(context, digest, { signal }) : [];
  const all =
    listed === undefined
      ? behindTag
      : [...listed, ...(await heldBeside(listed, behindTag, context, { signal }))];
  if (artifactType === undefined) return all;
  return all.filter((referrer) => referrer.artifactType === artifactType);
}

/** Some call a repository unknown that they have, as they do not know the path: what its tags say is not lost then. */
async function tagged(
  context: RepositoryContext,
  digest: Digest,
  { error, signal }: OperationOptions & { readonly error: unknown },
): Promise<readonly Descriptor[]> {
  const isUnknown = error instanceof RegistryResponseError && error.code === "REGISTRY_NOT_FOUND";
  const found = isUnknown ? await listFallbackReferrers(context, digest, { signal }) : [];
  if (found.length === 0) throw error;
  return found;
}

/** Nobody keeps the tag up to date where there is an API: what only the tag lists may have been deleted since. */
async function heldBeside(
  listed: readonly Descriptor[],
  behindTag: readonly Descriptor[],
  context: RepositoryContext,
  options: OperationOptions,
): Promise<readonly Descriptor[]> {
  const known = new Set(listed.map(({ digest }) => digest));
  const held: Descriptor[] = [];
  for (const one of behindTag.filter(({ digest }) => !known.has(digest))) {
    if (await existsManifest(context, one.digest, options)) held.push(one);
  }
  return held;
}

/** `sha256:ab…` → `sha256-ab…`, cut as the specification says. */
export function fallbackTagOf(digest: Digest): string {
  const { algorithm, encoded } = parseDigest(digest);
  return `${algorithm.slice(0, 32)}-${encoded.slice(0, 64)}`;
}

export interface FallbackOptions extends OperationOptions {
  /** The tag is to be written: what somebody else has put there must not be replaced. */
  readonly isForWriting?: boolean | undefined;
}

/**
 * The referrers in the index behind the fallback tag; none if there is no such tag, or if a registry takes it for the digest
 * that it is made of and answers with the subject (GitLab). What is no index lists none (distribution-spec, "Listing
 * Referrers"), which is told; who writes is refused.
 */
export async function listFallbackReferrers(
  context: RepositoryContext,
  digest: Digest,
  { isForWriting = false, ...options }: FallbackOptions,
): Promise<readonly Descriptor[]> {
  let manifest: Manifest;
  try {
    manifest = await fetchManifest(context, fallbackTagOf(digest), options);
  } catch (error) {
    if (error instanceof RegistryResponseError && error.code === "REGISTRY_NOT_FOUND") return [];
    throw error;
  }
  if (manifest.descriptor.digest === digest) return [];
  const subject = `index ${fallbackTagOf(digest)}`;
  if (manifest.descriptor.mediaType !== MEDIA_TYPE.imageIndex) {
    const error = new ContentInvalidError(subject, "it is no image index, and lists no referrers");
    if (isForWriting) throw error;
    tellOther(context, digest);
    return [];
  }
  const document = parseStrictJson(manifest.bytes, subject) as Record<string, unknown> | null;
  return descriptorsOf(document?.["manifests"]);
}

/** Builds name images by the digest of something else, too. */
function tellOther({ host, repository }: RepositoryContext, digest: Digest): void {
  const { registry } = host;
  const name = formatReference({ registry, repository, tag: fallbackTagOf(digest) });
  const message = `"${name}" is no image index, so it lists no signatures and the like of ${digest}: ask for it as for an image if it is wanted`;
  host.onEvent({ type: "warning", code: "FALLBACK_TAG_OTHER", message, registry });
}

async function fromApi(
  context: RepositoryContext,
  digest: Digest,
  { signal }: OperationOptions,
): Promise<readonly Descriptor[] | undefined> {
  const { host, repository } = context;
  parseDigest(digest);
  const path = `/v2/${repository}/referrers/${digest}`;
  const scopes = [repositoryScope(repository, "pull")];
  const referrers: Descriptor[] = [];
  let hasBegun = false;
  try {
    const options = { path, scopes, entriesOf: referrersOf, mayLeadTo: isReferrersUrl, signal };
    for await (const page of listPages(host, options)) {
      hasBegun = true;
      referrers.push(...page);
    }
    return referrers;
  } catch (error) {
    // who has given a page has the API
    if (!hasBegun && isAbsent(error)) return absent(context);
    throw error;
  }
}

/** Registries that are served by others send on to the same path there; anything else is a page for people (GHCR). */
function isReferrersUrl({ pathname }: URL): boolean {
  return /^\/v2\/.+\/referrers\/[^/]+$/.test(pathname);
}

/** Some servers answer every path with 200 and a document of their own: those have no such list. */
class NoReferrersError extends Error {}

function referrersOf(document: unknown): readonly Descriptor[] {
  const { mediaType, manifests, schemaVersion } = (document ?? {}) as Record<string, unknown>;
  // The type may be left to the header (image-spec, "Image Index"), which not all set rightly
  const isUntyped = mediaType === undefined && schemaVersion === 2 && manifests !== undefined;
  if (mediaType === MEDIA_TYPE.imageIndex || isUntyped) return descriptorsOf(manifests);
  throw new NoReferrersError("it is no image index");
}

function absent({ host, repository }: RepositoryContext): undefined {
  host.facts.withoutReferrersApi.add(repository);
  return undefined;
}

const NO_API_STATUSES: readonly number[] = [301, 302, 303, 307, 308, 400, 404, 405, 406, 501];

/** A 404 that names the repository is about the repository; any other means that the path is not known. */
function isAbsent(error: unknown): boolean {
  if (error instanceof WebPageError) return true;
  if (error instanceof ContentInvalidError) return error.cause instanceof NoReferrersError;
  if (!(error instanceof RegistryResponseError)) return false;
  const isNameUnknown = error.serverErrors.some(({ code }) => code === "NAME_UNKNOWN");
  return NO_API_STATUSES.includes(error.status) && !error.isIndirect && !isNameUnknown;
}

/** Registries written in Go answer `null` where there is none. */
function descriptorsOf(manifests: unknown): readonly Descriptor[] {
  if (manifests === null) return [];
  if (!Array.isArray(manifests)) throw new ContentInvalidError("referrers", "they are no list");
  return manifests.map((entry, position) => parseDescriptor(entry, `manifests[${position}]`));
}
