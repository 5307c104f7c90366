import type { Readable } from "node:stream";
import { recycleReadBuffer } from "../io/read-buffers.ts";
import { checkContent } from "../io/verify-stream.ts";
import { createDigestHash } from "../oci/digest.ts";
import { ContentMismatchError } from "../oci/errors.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";

export interface ReadWholeOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (bytes: number) => void;
}

/** Reads a small blob into memory; rejects if it is not what its digest says. Destroys the body if it fails. */
export async function readWhole(
  body: Readable,
  { digest, size }: Pick<BlobTask, "digest" | "size">,
  { signal, onProgress }: ReadWholeOptions,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  const received = await fill(bytes, body, { digest, signal, onProgress });
  const hash = createDigestHash(digest).update(bytes.subarray(0, received));
  const failure = checkContent({ digest, size }, received, hash.digest("hex"));
  if (failure) throw failure;
  return bytes;
}

/** Without `pipeline`, which costs more for a small body than everything else that is done with it. */
function fill(
  bytes: Buffer,
  body: Readable,
  { digest, signal, onProgress }: ReadWholeOptions & Pick<BlobTask, "digest">,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0;
    let isEnded = false;
    const abort = () => body.destroy(signal.reason);
    body.on("data", (chunk: Buffer) => {
      if (received + chunk.length > bytes.length) {
        body.destroy(new ContentMismatchError(digest, `it is longer than ${bytes.length} bytes`));
        return;
      }
      chunk.copy(bytes, received);
      received += chunk.length;
      onProgress(chunk.length);
      recycleReadBuffer(chunk);
    });
    body.on("error", reject);
    body.once("end", () => {
      isEnded = true;
      resolve(received);
    });
    body.once("close", () => {
      signal.removeEventListener("abort", abort);
      if (!isEnded) reject(new Error("The body was closed before its end"));
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
