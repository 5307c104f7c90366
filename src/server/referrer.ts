import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../store/store.ts";

interface ReferrerDocument {
  readonly subject?: { readonly digest: string };
  readonly config?: { readonly mediaType: string };
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The manifest as the list of referrers names it (distribution-spec, "Listing Referrers"), if it has this subject. */
export function describeReferrer(
  { bytes, descriptor }: Manifest,
  subject: Digest,
): Descriptor | undefined {
  const document = JSON.parse(bytes.toString()) as ReferrerDocument;
  if (document.subject?.digest !== subject) return undefined;
  const artifactType = document.artifactType || document.config?.mediaType;
  return {
    ...descriptor,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(document.annotations === undefined ? {} : { annotations: document.annotations }),
  };
}
