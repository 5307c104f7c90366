import type { Digest } from "../../oci/digest.ts";
import { isMissing } from "../../store/errors.ts";
import type { ReferrerSource } from "../../store/store.ts";

/** Whether the target lists the manifest for its subject now. */
export async function isReferrer(
  target: ReferrerSource,
  { digest, subject }: { readonly digest: Digest; readonly subject: Digest },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const listed = await target.referrers(subject, { signal });
    return listed.some((referrer) => referrer.digest === digest);
  } catch (error) {
    // A repository that is not there yet lists nothing
    if (isMissing(error)) return false;
    throw error;
  }
}
