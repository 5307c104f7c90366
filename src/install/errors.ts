import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** A file of a client's configuration is not as it was left, or cannot be joined with ours. Nothing was written. */
export class ClientConfigConflictError extends MirrorError {
  override readonly code = "CLIENT_CONFIG_CONFLICT";
  readonly path: string;

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot change "${path}": ${reason}`, options);
    this.path = path;
  }
}
