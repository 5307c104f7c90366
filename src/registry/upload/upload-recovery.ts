import { isKnownBlob } from "../content/blobs.ts";
import { noteBodyLimit, withBodyLimit } from "./body-limit.ts";
import { lengthOf, noteCut, planRecovery, type Recovery, type UploadStep } from "./upload-plan.ts";
import { readUploadStatus } from "./upload-requests.ts";
import { forget, moveTo, saveSession, type Upload } from "./upload-state.ts";

/** Prepares the next attempt, or throws the failure; true when the blob turns out to be there. */
export async function recover(
  upload: Upload,
  step: UploadStep,
  failure: unknown,
): Promise<boolean> {
  const { context, options, cursor } = upload;
  options.signal?.throwIfAborted();
  if (cursor.failure) throw cursor.failure;
  noteBodyLimit(context.host.facts, failure);
  const { facts } = context.host;
  upload.position = noteCut(facts, upload.position, {
    failure,
    bytes: lengthOf(step, upload.position),
  });
  const recovery = planRecovery(failure, { ...upload.position, step }, facts);
  switch (recovery.type) {
    case "give-up":
      throw withBodyLimit(context.host.facts, failure);
    case "resume":
      return await resume(upload, recovery, failure);
    case "resync":
      return await resync(upload, { isRefused: true, isRangeRefused: true });
    case "shrink":
      context.host.facts.partLimitBytes = recovery.partLimitBytes;
      context.host.facts.monolithicOnly = false;
      upload.position = { ...upload.position, isWhole: false };
      return await resync(upload, { isRefused: true, isRangeRefused: false });
    case "restart":
    case "whole":
      return await startOver(upload, recovery, failure);
  }
}

async function resume(
  upload: Upload,
  { retryClass, isAmbiguous }: Extract<Recovery, { type: "resume" }>,
  failure: unknown,
): Promise<boolean> {
  const { options } = upload;
  await upload.patience.waitAfter(failure, options.signal, retryClass);
  if (isAmbiguous && (await isComplete(upload))) return true;
  return await resync(upload, { isRefused: false, isRangeRefused: false });
}

interface Resync {
  /** The registry answered and took nothing, so sending again at the same place is safe. */
  readonly isRefused: boolean;
  /** It does not agree with our offset. */
  readonly isRangeRefused: boolean;
}

/** Asks the registry what it has and goes on from there. */
async function resync(upload: Upload, { isRefused, isRangeRefused }: Resync): Promise<false> {
  const { context, options, position, location } = upload;
  if (!location) return false;
  const { signal } = options;
  const countedBytes = position.offset;
  if (isRefused) {
    upload.position = { ...position, rangeRefusals: position.rangeRefusals + 1 };
  }
  const question = { location, countedBytes, isRefused: isRangeRefused, signal };
  const status = await readUploadStatus(context, question);
  if (status.type === "known" && status.bytes <= position.size) {
    upload.location = status.location;
    moveTo(upload, status.bytes);
    await saveSession(upload);
  } else if (status.type === "unknown" && (isRefused || upload.resentAt !== position.offset)) {
    upload.resentAt = position.offset;
  } else {
    await forget(upload, "the registry lost the upload session");
  }
  return false;
}

async function startOver(
  upload: Upload,
  recovery: Extract<Recovery, { type: "restart" | "whole" }>,
  failure: unknown,
): Promise<boolean> {
  const { context, options } = upload;
  if (recovery.type === "whole") {
    upload.position = { ...upload.position, isWhole: true };
    if (recovery.isForHost) {
      context.host.facts.monolithicOnly = true;
      context.host.facts.refusesParts = true;
    }
  } else {
    if (recovery.isAmbiguous && (await isComplete(upload))) return true;
    await upload.patience.waitAfter(failure, options.signal, "few");
  }
  await forget(upload, recovery.reason);
  return false;
}

/** A commit whose answer was lost may have happened. */
async function isComplete({ context, content, options }: Upload): Promise<boolean> {
  return await isKnownBlob(context, content.expected, { signal: options.signal });
}
