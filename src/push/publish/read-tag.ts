import { isMirrorError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ManifestSource, ResolveOptions } from "../../store/store.ts";

/** The digest that a tag has in the target now; undefined if there is no such tag. */
export async function readTag(
  target: ManifestSource,
  tag: string,
  options: ResolveOptions,
): Promise<Digest | undefined> {
  try {
    return (await target.resolve(tag, options)).digest;
  } catch (error) {
    if (isMirrorError(error, "REGISTRY_NOT_FOUND")) return undefined;
    throw error;
  }
}
