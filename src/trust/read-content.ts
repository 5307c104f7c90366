import type { Descriptor } from "../oci/descriptor.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import { isManifestType } from "../oci/media-type.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import type { NamedManifest } from "./check-signatures.ts";

/** Reads what is small, and never more than its descriptor says: signatures, and what they are about. */
export function readerOfSource(
  source: Pick<SourceRepository, "fetch" | "fetchManifest">,
  { signal }: OperationOptions,
): NamedManifest["read"] {
  return async (target: Descriptor) => {
    const { digest, mediaType, size } = target;
    if (isManifestType(mediaType)) return (await source.fetchManifest(digest, { signal })).bytes;
    const blocks: Buffer[] = [];
    let total = 0;
    for await (const block of await source.fetch(target, { signal })) {
      total += (block as Buffer).length;
      if (total > size) throw new ContentMismatchError(digest, `it has more than ${size} bytes`);
      blocks.push(block as Buffer);
    }
    return Buffer.concat(blocks);
  };
}
