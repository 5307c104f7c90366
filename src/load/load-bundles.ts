import { collectNotices } from "../notice.ts";
import type { PushEvent } from "../push/events.ts";
import { PUSH_PLAN_MEDIA_TYPE, type PushPlanReport } from "../push/push-all.ts";
import type { Receipt } from "../push/receipt/receipt.ts";
import { LoadBook } from "./load-book.ts";
import { loadMissing } from "./load-missing.ts";
import type { LoadOptions, PlanLoadOptions } from "./load-options.ts";
import { prepareLoad } from "./prepare-load.ts";

/**
 * Streams the images of bundles into a container runtime of this machine. Nothing is unpacked and no registry is needed; what
 * the runtime has already is not sent. The receipt lists every image as the runtime lists it afterwards.
 */
export async function loadBundles(options: LoadOptions): Promise<Receipt> {
  const { notices, onEvent } = collectNotices<PushEvent>(options.onEvent);
  await using prepared = await prepareLoad(options);
  const { extent, plan, runtime } = prepared;
  const book = new LoadBook(prepared);
  for (const notice of prepared.notices) onEvent({ type: "notice", ...notice });
  const images = book.names.length;
  onEvent({ type: "opened", ...extent, images, bytes: book.bytes });
  try {
    book.noteBefore(await runtime.list());
    await loadMissing({ runtime, plan, book, onEvent, signal: options.signal });
    book.noteAfter(await runtime.list());
  } catch (error) {
    options.onPartialReceipt?.({ ...book.receipt(error), notices });
    throw error;
  }
  const receipt: Receipt = { ...book.receipt(), notices };
  for (const { repository, tag, planned, outcome } of receipt.images) {
    const tags = tag === undefined ? [] : [tag];
    onEvent({ type: "image-finished", repository, tags, digest: planned, outcome });
  }
  return receipt;
}

/** What `loadBundles` would do. The runtime is asked for nothing but an answer. */
export async function planLoad(options: PlanLoadOptions): Promise<PushPlanReport> {
  await using prepared = await prepareLoad(options);
  const { notices, plan, signatures, target } = prepared;
  return {
    schemaVersion: 1,
    mediaType: PUSH_PLAN_MEDIA_TYPE,
    target,
    images: plan.contents.map(({ origin, root, tags }) => ({
      repository: `${origin.registry}/${origin.repository}`,
      tags,
      digest: root.digest,
    })),
    bytes: new LoadBook(prepared).bytes,
    ...(signatures ? { signatures } : {}),
    notices,
  };
}
