import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";

/** The runtime, or the program that talks to it, is not there. */
export class RuntimeUnavailableError extends MirrorError {
  override readonly code = "RUNTIME_UNAVAILABLE";
  readonly target: string;

  constructor(target: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot reach "${printable(target)}": ${printable(reason)}`, options);
    this.target = target;
  }
}

/** The runtime has not taken what was sent to it. */
export class RuntimeRefusedError extends MirrorError {
  override readonly code = "RUNTIME_REFUSED";
  readonly target: string;

  constructor(target: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot load images into "${printable(target)}": ${printable(reason)}`, options);
    this.target = target;
  }
}
