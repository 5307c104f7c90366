import { childrenOf, isForeignLayer } from "../../oci/children.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { type ManifestDocument, parseManifest } from "../../oci/manifest.ts";
import type { Manifest } from "../../store/store.ts";
import { RegistryResponseError } from "../errors.ts";

/** How distribution refuses addresses in layers: 500 and "unknown error", and the blob is unknown besides. */
const REFUSALS_OF_URLS: ReadonlySet<number> = new Set([400, 500]);

const ALLOW_URLS =
  "It has layers with addresses of elsewhere (urls), which distribution takes only if its configuration allows them: validation.manifests.urls.allow with '^https?://', or REGISTRY_VALIDATION_DISABLED=true";

/** How an index that lists what is no manifest is refused: Harbor and Gitea say 404, distribution 3 that it lacks a blob that it has. */
const REFUSALS_OF_LISTED_BLOBS: ReadonlySet<number> = new Set([400, 404, 500]);

const LISTED_BLOBS =
  "It is an index of blobs, as BuildKit's cache is one, which this registry does not take (distribution 3 does with validation.manifests.indexes.platforms: none): leave it out, or let BuildKit write its cache as an image (image-manifest=true)";

const SUBJECT_FIRST =
  "It belongs to a manifest that the registry does not have, and it takes it only behind that one (GitLab): push that one too, or leave this one out";

/** What helps against a refusal that does not say what it is about; undefined if nothing is known. */
export function hintOfRefusal(
  { serverErrors, status }: RegistryResponseError,
  manifest: Manifest,
): string | undefined {
  const document = parse(manifest);
  if (document === undefined) return undefined;
  const { subject } = document;
  const isMissed = serverErrors.some(({ digests }) => subject && digests?.includes(subject.digest));
  if (isMissed) return SUBJECT_FIRST;
  const { blobs } = childrenOf(document);
  if (REFUSALS_OF_URLS.has(status) && blobs.some(isForeignLayer)) return ALLOW_URLS;
  const isOfBlobs = document.kind === "index" && blobs.length > 0;
  return isOfBlobs && REFUSALS_OF_LISTED_BLOBS.has(status) ? LISTED_BLOBS : undefined;
}

/** The same failure, with what helps. */
export function withHint(
  error: RegistryResponseError,
  hint: string | undefined,
): RegistryResponseError {
  if (hint === undefined) return error;
  const { registry, method, status, serverErrors } = error;
  const url = new URL(error.url);
  return new RegistryResponseError(
    { registry, method, url, status, serverErrors },
    { hint, cause: error },
  );
}

function parse({ bytes, descriptor }: Manifest): ManifestDocument | undefined {
  try {
    return parseManifest(bytes, descriptor.mediaType, descriptor.digest);
  } catch (error) {
    // The registry may have refused it for the same reason: that is told
    if (error instanceof ContentInvalidError) return undefined;
    throw error;
  }
}
