import { type ErrorCode, MirrorError } from "../../errors.ts";
import { printable } from "../../oci/errors.ts";
import { option } from "../../option.ts";

/** Answers that are about what was asked for, and not about the registry as a whole. */
const ANSWERS: ReadonlySet<ErrorCode> = new Set([
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

/** What belongs to an image cannot be read: the image could be had without it. */
class ReferrersUnreadError extends MirrorError {
  override readonly code: ErrorCode;

  constructor(name: string, cause: MirrorError) {
    const without = `take the image without signatures and the like with ${option("noReferrers")}`;
    const hint = cause.hint === undefined ? capitalize(without) : `${cause.hint}; or ${without}`;
    super(`Cannot read what belongs to image "${printable(name)}": ${cause.message}`, {
      cause,
      hint,
    });
    this.code = cause.code;
  }
}

/** Says of an answer what was asked for; any other failure as it is. */
export function explainUnread(name: string, error: unknown): unknown {
  const isAnswer = error instanceof MirrorError && ANSWERS.has(error.code);
  return isAnswer ? new ReferrersUnreadError(name, error) : error;
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
