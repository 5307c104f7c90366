import { ExportUnmatchedError } from "./errors.ts";
import type { ExportPlan } from "./plan-export.ts";

/** Throws why no image is left. */
export function refuseEmpty({ contents, error, notices }: ExportPlan): void {
  if (contents.length > 0) return;
  if (error) throw error;
  const [why] = notices;
  throw new ExportUnmatchedError(why?.message ?? "there is no image");
}
