import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";

/** The bundles have nothing of what is to be exported. */
export class ExportUnmatchedError extends MirrorError {
  override readonly code = "SELECTION_UNMATCHED";

  constructor(reason: string, options?: MirrorErrorOptions) {
    super(`Cannot export: ${printable(reason)}`, options);
  }
}

/** Two bundles have one name with different content, and an archive can hold only one. */
export class ExportConflictError extends MirrorError {
  override readonly code = "OPTION_INVALID";

  constructor(name: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot export "${printable(name)}": ${reason}`, options);
  }
}
