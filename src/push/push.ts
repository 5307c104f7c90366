import { digestOfBundle } from "../bundle/images/bundle-digest.ts";
import { collectNotices } from "../notice.ts";
import { checkPushOptions } from "./check-push-options.ts";
import type { PushEvent } from "./events.ts";
import { type OpenedPush, openPush } from "./open-push.ts";
import type { PushOptions } from "./push-options.ts";
import { PushRun } from "./push-run.ts";
import type { Receipt } from "./receipt/receipt.ts";
import { PushState } from "./uploads/push-state.ts";

/**
 * Replays a bundle into a registry, straight from its files. Children go before parents and tags last, so a tag in
 * the target never points at something incomplete. The receipt lists every planned tag as it was read back.
 */
export async function push(given: PushOptions): Promise<Receipt> {
  checkPushOptions(given);
  const { notices, onEvent } = collectNotices<PushEvent>(given.onEvent);
  const options = { ...given, onEvent };
  const { bundlePath, target } = options;
  await using opened = await openPush(options);
  const { bundle, leftOut, signatures } = opened;
  const demanded = {
    ...(leftOut.length > 0 ? { leftOut } : {}),
    ...(signatures && { signatures }),
  };
  for (const notice of opened.notices) onEvent({ type: "notice", ...notice });
  onEvent(openedEvent(opened));
  const digest = await digestOfBundle(bundle);
  const { directory } = bundle.listing;
  await using state = await PushState.open({
    directory,
    bundle: digest ?? bundlePath,
    target,
    onUnsaved: ({ message }) =>
      onEvent({
        type: "notice",
        code: "UPLOADS_NOT_KEPT",
        message: `If this push is interrupted, started blobs are sent again: ${message}`,
      }),
  });
  const run = new PushRun(options, opened, state);
  try {
    await run.execute();
  } catch (error) {
    given.onPartialReceipt?.({ ...run.partialReceipt(error, digest), ...demanded, notices });
    throw error;
  }
  const receipt: Receipt = { ...run.receipt(digest), ...demanded, notices };
  if (receipt.complete) state.forgetAll();
  return receipt;
}

function openedEvent({ bundle, bytes, plan: { images } }: OpenedPush): PushEvent {
  const { listing } = bundle;
  return {
    type: "opened",
    packages: listing.packages.length,
    files: listing.packages.reduce((sum, { files }) => sum + files.length, 0),
    images: images.length,
    bytes,
  };
}
