import { MirrorError, OptionInvalidError } from "../../errors.ts";
import type { Check, CheckName } from "./report.ts";

/** A failure as part of the report; what says nothing about the registry is thrown on. */
export function failedCheck(name: CheckName, error: unknown, remedy?: string): Check {
  if (!(error instanceof MirrorError) || error instanceof OptionInvalidError) throw error;
  const hint = remedy ?? error.hint ?? GENERAL_REMEDY;
  return { name, status: "failed", detail: error.message, code: error.code, hint };
}

const GENERAL_REMEDY = "Look into the log of the registry for this request, or ask who runs it";
