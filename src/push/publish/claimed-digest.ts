import { isMirrorError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestSource, ResolveOptions } from "../../store/store.ts";
import { readTag } from "./read-tag.ts";

/**
 * The digest that a tag has before a push. Some deny to look at what is not there (virtual repositories of Artifactory, 403):
 * whether pushing is allowed, the push tells.
 */
export async function claimedDigest(
  target: ManifestSource,
  tag: string,
  options: ResolveOptions,
): Promise<Digest | undefined> {
  try {
    return await readTag(target, tag, options);
  } catch (error) {
    if (isMirrorError(error, "REGISTRY_DENIED")) return undefined;
    throw error;
  }
}
