import { RegistryResponseError, RegistryUnreachableError } from "../errors.ts";
import type { HostFacts } from "../host/host-facts.ts";
import { paceAfterCut, paceAfterPart } from "../host/part-pace.ts";
import { type RetryClass, retryClassOf } from "../transport/patience/retry.ts";

/** Where an upload stands, as far as the next step depends on it. */
export interface UploadPosition {
  readonly size: number;
  /** Bytes that the registry has. */
  readonly offset: number;
  readonly minPartBytes: number;
  /** Send this blob in one request whatever the host can do. */
  readonly isWhole: boolean;
  /** Answers 416 since the last part that was taken. */
  readonly rangeRefusals: number;
  /** How often it started over without getting further than before. */
  readonly restarts: number;
  /** Connections that were closed while a body was being sent, since the last part that was taken. */
  readonly cuts: number;
}

export type UploadStep =
  /** PATCH of the bytes from the offset up to `end`. */
  | { readonly type: "part"; readonly end: number }
  /** PUT of all that is left. Some registries do not take an empty one, so the last part goes with it. */
  | { readonly type: "commit" };

export function planStep(position: UploadPosition, facts: HostFacts): UploadStep {
  const { size, offset, isWhole } = position;
  const partBytes = partBytesOf(position, facts);
  if (isWhole || facts.monolithicOnly || size - offset <= partBytes) return { type: "commit" };
  return { type: "part", end: offset + partBytes };
}

/** A network that fails does it now and then; from here on it looks like a front end with a limit on bodies. */
const CUTS_OF_LIMIT = 3;
/** Below this, connections are not cut for the size of a body. */
const CUT_FLOOR_BYTES = 1024 * 1024;

function partBytesOf({ cuts, minPartBytes }: UploadPosition, facts: HostFacts): number {
  const { pace, partFloorBytes, partLimitBytes } = facts;
  const limit = Math.min(partLimitBytes, pace?.partBytes ?? partLimitBytes);
  const halvings = pace ? 0 : Math.max(0, cuts - CUTS_OF_LIMIT + 1);
  const halved = Math.max(Math.ceil(limit / 2 ** halvings), CUT_FLOOR_BYTES);
  const floor = Math.min(partFloorBytes, partLimitBytes);
  return Math.max(Math.min(limit, halved), floor, minPartBytes);
}

/** The next parts are as the line is, unless their size is fixed. */
export function notePart(
  facts: HostFacts,
  position: UploadPosition,
  taken: { readonly bytes: number; readonly ms: number },
): void {
  if (facts.pace) facts.pace = paceAfterPart(facts.pace, taken);
  else if (position.cuts >= CUTS_OF_LIMIT) {
    // as large as a part that got through where larger ones were cut off
    facts.partLimitBytes = Math.min(facts.partLimitBytes, taken.bytes);
  }
}

export function noteCut(
  facts: HostFacts,
  position: UploadPosition,
  { failure, bytes }: { readonly failure: unknown; readonly bytes: number },
): UploadPosition {
  if (!(failure instanceof RegistryUnreachableError)) return position;
  const isReset = failure.reason === "reset";
  // a line that is dead may not say so
  const isCut = isReset || failure.reason === "timeout";
  if (facts.pace && isCut) facts.pace = paceAfterCut(facts.pace, bytes);
  return isReset ? { ...position, cuts: position.cuts + 1 } : position;
}

export type Recovery =
  /** Nothing will help. */
  | { readonly type: "give-up" }
  /** Wait, then ask the registry what it has. `isAmbiguous`: the blob may be complete already. */
  | {
      readonly type: "resume";
      readonly retryClass: RetryClass;
      readonly isAmbiguous: boolean;
    }
  /** Ask at once: only the offset was wrong. */
  | { readonly type: "resync" }
  /** The same session, with parts of this size. */
  | { readonly type: "shrink"; readonly partLimitBytes: number }
  /** From the first byte in a new session. */
  | { readonly type: "restart"; readonly reason: string; readonly isAmbiguous: boolean }
  /** From the first byte in one request; `isForHost`: all later blobs too. */
  | { readonly type: "whole"; readonly reason: string; readonly isForHost: boolean };

/** Smaller parts are not tried: each costs a round trip. */
export const PART_FLOOR_BYTES = 64 * 1024;
/** What registries take that answer 416 to larger parts. */
const SMALL_PART_BYTES = 4 * 1024 * 1024;
const GIVE_UP: Recovery = { type: "give-up" };

/** What to do after a request of an upload failed: the ladder from resuming to starting over as a whole. */
export function planRecovery(
  failure: unknown,
  { step, ...position }: UploadPosition & { readonly step: UploadStep },
  facts: HostFacts,
): Recovery {
  const isCommit = step.type === "commit";
  const retryClass = retryClassOf(failure);
  if (failure instanceof RegistryUnreachableError || retryClass !== "never") {
    return retryClass === "never" ? GIVE_UP : { type: "resume", retryClass, isAmbiguous: isCommit };
  }
  if (!(failure instanceof RegistryResponseError)) return GIVE_UP;
  switch (failure.status) {
    case 404:
    case 410:
      return planLostSession(position, isCommit);
    case 413:
      return planTooLarge(position, { step, facts });
    case 416:
      return planWrongRange(position, { step, facts });
    case 400:
      return isCommit
        ? planBadCommit(position)
        : planNoParts("the registry does not take the part");
    case 405:
    case 411:
    case 415:
    case 501:
      return isCommit ? GIVE_UP : planNoParts("the registry does not take parts");
    default:
      return GIVE_UP;
  }
}

function planLostSession({ restarts, isWhole }: UploadPosition, isCommit: boolean): Recovery {
  const reason = "the registry lost the upload session";
  // a session that never survives its first part: parts do not work here
  if (restarts >= 2 && !isWhole && !isCommit) return { type: "whole", reason, isForHost: false };
  return { type: "restart", reason, isAmbiguous: isCommit };
}

interface Refused {
  readonly step: UploadStep;
  readonly facts: HostFacts;
}

/** Other uploads may have learnt a smaller size meanwhile: what counts is what this request had. */
function planTooLarge(position: UploadPosition, { step, facts }: Refused): Recovery {
  const sent = lengthOf(step, position);
  const half = Math.max(Math.ceil(sent / 2), PART_FLOOR_BYTES, position.minPartBytes);
  const wasWhole = position.isWhole || facts.monolithicOnly;
  if (half < sent && !(wasWhole && facts.refusesParts)) {
    return { type: "shrink", partLimitBytes: Math.min(half, facts.partLimitBytes) };
  }
  if (wasWhole || step.type === "commit") return GIVE_UP;
  return { type: "whole", reason: "the registry takes no part of any size", isForHost: true };
}

function planWrongRange(position: UploadPosition, { step, facts }: Refused): Recovery {
  const { rangeRefusals, offset } = position;
  // at 0 there is nothing to be wrong about: it is the size that is refused
  if (rangeRefusals === 0 && offset > 0) return { type: "resync" };
  if (rangeRefusals <= 1 && lengthOf(step, position) > SMALL_PART_BYTES) {
    const partLimitBytes = Math.min(SMALL_PART_BYTES, facts.partLimitBytes);
    return { type: "shrink", partLimitBytes };
  }
  if (position.isWhole || facts.monolithicOnly) return GIVE_UP;
  return { type: "whole", reason: "the registry refuses every part", isForHost: true };
}

/** Bytes of the request. */
export function lengthOf(step: UploadStep, { size, offset }: UploadPosition): number {
  return (step.type === "part" ? step.end : size) - offset;
}

/** The bytes that arrived do not have the digest: parts may have been joined wrongly, one request cannot be. */
function planBadCommit({ isWhole, offset }: UploadPosition): Recovery {
  if (isWhole || offset === 0) return GIVE_UP;
  return {
    type: "whole",
    reason: "the registry put the parts together wrongly",
    isForHost: false,
  };
}

function planNoParts(reason: string): Recovery {
  return { type: "whole", reason, isForHost: true };
}
