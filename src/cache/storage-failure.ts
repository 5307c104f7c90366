import { MirrorError } from "../errors.ts";

/** Whether a disk has failed, and not what was to be written to it. */
export function isOfStorage(error: unknown): error is MirrorError {
  if (!(error instanceof MirrorError)) return false;
  return error.code === "STORAGE_FAILED" || error.code === "SPACE_EXHAUSTED";
}
