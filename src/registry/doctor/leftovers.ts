import type { Check } from "./report.ts";

/** What the checks have made in the registry and could not remove. */
export interface Leftovers {
  /** An upload that the registry has not cancelled. */
  hasSession: boolean;
  /** The repository that a probe was uploaded to, and deleted from. */
  neighbor: string | undefined;
  /** `repository@digest` of probes that are still there. */
  readonly blobs: string[];
}

export function describeLeftovers({ hasSession, neighbor, blobs }: Leftovers): Check {
  const name = "clean-up";
  const session = hasSession
    ? "an empty upload could not be cancelled: the registry forgets it by itself"
    : "the uploads are cancelled";
  if (blobs.length > 0) {
    const detail = `${session}; these 32 bytes are still there: ${blobs.join(", ")}`;
    return { name, status: "limited", detail, hint: "Delete them, or leave them to its clean-up" };
  }
  const probe =
    neighbor === undefined
      ? ""
      : `; the probe is deleted, though the registry may go on listing "${neighbor}" as empty`;
  return { name, status: hasSession ? "limited" : "ok", detail: `${session}${probe}` };
}
