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

/** What is not listed is not known, so nothing can be said to be needed by nobody. */
export class PruneUnlistedError extends MirrorError {
  override readonly code = "TAG_LIST_UNSUPPORTED";
  readonly target: string;

  constructor(target: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot prune "${target}": ${printable(reason)}`, {
      hint: "Delete there by the means of the registry itself: its own retention rules, its web page or its API",
      ...options,
    });
    this.target = target;
  }
}
