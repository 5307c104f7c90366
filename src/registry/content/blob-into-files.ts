import { checkContent } from "../../io/verify-stream.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { parseDigest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { FetchIntoOptions, FilePlaces } from "../../store/store.ts";
import type { ThreadContent } from "../threads/thread-content.ts";
import { toUnreachableError } from "../transport/connect/network-failure.ts";
import { endedEarly } from "../transport/patience/range-resume.ts";
import { blobPath, openRange, type RepositoryContext } from "./blobs.ts";

/**
 * Has a thread bring a blob into files. What is asked of the registry, and whether once more after a cut, is decided here;
 * the bytes do not come here. False: it is not worth that.
 */
export async function fetchBlobInto(
  context: RepositoryContext,
  target: Descriptor,
  places: FilePlaces,
  options: FetchIntoOptions,
): Promise<boolean> {
  const { threads } = context.host;
  if (!threads.areWorth(options)) return false;
  const { digest, size } = target;
  const { algorithm, encoded: hash } = parseDigest(digest);
  await using content = threads.open({ places, size, algorithm, hash, mode: "write" }, options);
  const { keptBytes, onStart } = options;
  const offset = keptBytes > 0 && (await content.keep(keptBytes)) ? keptBytes : 0;
  onStart(offset);
  if (offset < size || size === 0) await pourRest(context, { target, content, offset }, options);
  const failure = checkContent(target, size, await content.digest());
  if (failure) throw failure;
  return true;
}

interface Pouring {
  readonly target: Descriptor;
  readonly content: ThreadContent;
  readonly offset: number;
}

async function pourRest(
  context: RepositoryContext,
  { target, content, offset }: Pouring,
  { signal, onProgress, onWritten }: FetchIntoOptions,
): Promise<void> {
  const { host } = context;
  const { digest, size } = target;
  const address = blobPath(context, digest);
  const patience = host.createPatience("GET", address);
  let [received, written] = [offset, offset];
  for (;;) {
    const wish = { address, offset: received, end: size, signal, via: content.send };
    const { body, surplusBytes } = await openRange(context, target, wish);
    const end = await content.pour({ body }, surplusBytes, (position) => {
      patience.progress(position.received - received);
      if (position.received > received) onProgress(position.received - received);
      if (position.written > written) onWritten(position.written);
      ({ received, written } = position);
    });
    signal?.throwIfAborted();
    if (end.isTooLong) throw new ContentMismatchError(digest, `it is longer than ${size} bytes`);
    if (received === size) return;
    await patience.waitAfter(toUnreachableError(end.error ?? endedEarly(), host.registry), signal);
  }
}
