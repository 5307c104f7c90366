import type { Descriptor } from "../oci/descriptor.ts";
import { verifyDigest } from "../oci/digest.ts";
import type { ContentSource, OperationOptions } from "./store.ts";

/** The whole of content that is known to be small, verified: `CONTENT_MISMATCH` if it is not what it should be. */
export async function readContent(
  source: Pick<ContentSource, "fetch">,
  target: Descriptor,
  { signal }: OperationOptions = {},
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of await source.fetch(target, { signal })) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    // Never more than was announced; the digest tells the rest
    if (size > target.size) break;
  }
  const bytes = Buffer.concat(chunks);
  verifyDigest(bytes, target.digest);
  return bytes;
}
