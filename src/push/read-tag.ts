import { isMirrorError } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import type { ManifestSource } from "../store/store.ts";

/** The digest that a tag has in the target now; undefined if there is no such tag. */
export async function readTag(
  target: ManifestSource,
  tag: string,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  try {
    return (await target.resolve(tag, { signal })).digest;
  } catch (error) {
    if (isMirrorError(error, "REGISTRY_NOT_FOUND")) return undefined;
    throw error;
  }
}
