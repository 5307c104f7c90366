import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";

/** A lock is not what this program has written, or not for what is asked for beside it. */
export class LockInvalidError extends MirrorError {
  override readonly code = "LOCK_INVALID";
  readonly lock: string;

  constructor(lock: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot use lock "${lock}": ${printable(reason)}`, options);
    this.lock = lock;
  }
}

/** A newer program wrote it. */
export class LockVersionError extends MirrorError {
  override readonly code = "LOCK_VERSION_UNSUPPORTED";
  readonly lock: string;

  constructor(lock: string, version: unknown) {
    const shown = printable(String(version)).slice(0, 100);
    super(`Cannot read lock "${lock}": its version is ${shown}, this program reads version 1`, {
      hint: "Use a newer version of mirror, or make the lock again with this one",
    });
    this.lock = lock;
  }
}
