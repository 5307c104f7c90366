import { Transform, type TransformCallback } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import { createDigestHash } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";

/** Passes bytes through and fails with `CONTENT_MISMATCH` at the end unless size and digest are the descriptor's. */
export function createVerifyStream({ digest, size }: Descriptor): Transform {
  const hash = createDigestHash(digest);
  let seen = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done: TransformCallback) {
      seen += chunk.length;
      if (seen > size)
        return done(new ContentMismatchError(digest, `it is longer than ${size} bytes`));
      hash.update(chunk);
      return done(null, chunk);
    },
    flush(done: TransformCallback) {
      done(checkContent({ digest, size }, seen, hash.digest("hex")));
    },
  });
}

/** The error for content that was read to its end, or null if it is what it should be. */
export function checkContent(
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  seen: number,
  hex: string,
): ContentMismatchError | null {
  if (seen !== size) {
    return new ContentMismatchError(digest, `it has ${seen} bytes instead of ${size}`);
  }
  const found = `${digest.slice(0, digest.indexOf(":"))}:${hex}`;
  return found === digest ? null : new ContentMismatchError(digest, `its digest is ${found}`);
}
