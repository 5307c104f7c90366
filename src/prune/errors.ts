import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";

/** A file is no list of what to prune, or one for another target. */
export class PruneListInvalidError extends MirrorError {
  override readonly code = "PRUNE_LIST_INVALID";
  readonly list: string;

  constructor(list: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot use list "${list}": ${printable(reason)}`, {
      hint: "Make the list again; entries may be taken out of it",
      ...options,
    });
    this.list = list;
  }
}
