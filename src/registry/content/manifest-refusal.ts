import { childrenOf, isForeignLayer } from "../../oci/children.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { parseManifest } from "../../oci/manifest.ts";
import type { Manifest } from "../../store/store.ts";
import { RegistryResponseError } from "../errors.ts";

/** How distribution refuses addresses in layers: 500 and "unknown error", and the blob is unknown besides. */
const REFUSALS_OF_URLS: ReadonlySet<number> = new Set([400, 500]);

const ALLOW_URLS =
  "It has layers with addresses of elsewhere (urls), which distribution takes only if its configuration allows them: validation.manifests.urls.allow with '^https?://', or REGISTRY_VALIDATION_DISABLED=true";

/** What helps against a refusal that does not say what it is about; undefined if nothing is known. */
export function hintOfRefusal(
  { status }: RegistryResponseError,
  manifest: Manifest,
): string | undefined {
  return REFUSALS_OF_URLS.has(status) && hasForeignLayers(manifest) ? ALLOW_URLS : undefined;
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

function hasForeignLayers({ bytes, descriptor }: Manifest): boolean {
  try {
    const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
    return childrenOf(document).blobs.some(isForeignLayer);
  } catch (error) {
    // The registry may have refused it for the same reason: that is told
    if (error instanceof ContentInvalidError) return false;
    throw error;
  }
}
