import type { Descriptor } from "../../oci/descriptor.ts";
import { digestOf } from "../../oci/digest.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import type { Referrer } from "../../oci/referrer.ts";
import { ContentMissingError } from "../../store/errors.ts";
import type { Manifest, OperationOptions } from "../../store/store.ts";
import type { RepositoryContext } from "./blobs.ts";
import { putManifest } from "./manifests.ts";
import { fallbackTagOf, listFallbackReferrers } from "./referrers.ts";

/** Tries to be in the index together with what other writers put there. */
const ATTEMPTS = 5;

/**
 * Adds a manifest to the index behind the fallback tag of its subject, as clients have to where the registry does not
 * list referrers itself. One change at a time per subject; there are no conditional requests to rely on, so another
 * writer can put back an index without it: what is there afterwards decides, and the change is made again.
 */
export async function addToFallbackTag(
  context: RepositoryContext,
  { subject, descriptor }: Referrer,
  options: OperationOptions = {},
): Promise<void> {
  const writing = { ...options, isForWriting: true };
  await context.host.exclusive.run(`${context.repository}@${subject}`, async () => {
    for (let attempt = 0; attempt <= ATTEMPTS; attempt += 1) {
      const known = await listFallbackReferrers(context, subject, writing);
      if (known.some(({ digest }) => digest === descriptor.digest)) return;
      if (attempt === ATTEMPTS) break;
      const index = createIndex([...known, descriptor]);
      await putManifest(context, { manifest: index, reference: fallbackTagOf(subject) }, options);
    }
    const name = `${context.repository}:${fallbackTagOf(subject)}`;
    throw new ContentMissingError(`"${name}"`, `it does not keep referrer ${descriptor.digest}`, {
      hint: "Check who else writes to this repository, then run the same command again",
    });
  });
}

function createIndex(manifests: readonly Descriptor[]): Manifest {
  const mediaType = MEDIA_TYPE.imageIndex;
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length }, bytes };
}
