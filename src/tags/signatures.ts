import type { Digest } from "../oci/digest.ts";
import { roleOfReferrer } from "../oci/referrer-role.ts";
import type { OperationOptions, ReferrerSource } from "../store/store.ts";

/** Whether a registry knows of a signature of a manifest (cosign, Notary Project), by the types of what refers to it. */
export async function isSigned(
  digest: Digest,
  source: ReferrerSource,
  { signal }: OperationOptions,
): Promise<boolean> {
  const referrers = await source.referrers(digest, { signal });
  return referrers.some(
    ({ artifactType = "", annotations }) =>
      roleOfReferrer(artifactType, annotations) === "signature",
  );
}
