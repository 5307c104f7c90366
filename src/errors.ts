/** Stable identifiers: scripts and tests match these, never messages. */
export type ErrorCode =
  | "OPTION_INVALID"
  | "REFERENCE_INVALID"
  | "SELECTION_INVALID"
  | "SELECTION_UNMATCHED"
  | "BUNDLE_DIRECTORY_OCCUPIED"
  | "REGISTRY_DENIED"
  | "REGISTRY_NOT_FOUND"
  | "REGISTRY_LIMITED"
  | "REGISTRY_REFUSED"
  | "REGISTRY_UNREACHABLE"
  | "DELETE_UNSUPPORTED"
  | "TAG_LIST_UNSUPPORTED"
  | "LOCK_INVALID"
  | "LOCK_VERSION_UNSUPPORTED"
  | "PRUNE_LIST_INVALID"
  | "CONTENT_MISMATCH"
  | "CONTENT_INVALID"
  | "CONTENT_MISSING"
  | "FILE_CHANGED"
  | "BUNDLE_CORRUPT"
  | "BUNDLE_VERSION_UNSUPPORTED"
  | "SIGNATURE_REFUSED"
  | "WAIT_TIMED_OUT"
  | "RUNTIME_UNAVAILABLE"
  | "RUNTIME_REFUSED"
  | "LISTEN_FAILED"
  | "CLIENT_CONFIG_CONFLICT"
  | "TARGET_LOCKED"
  | "STORAGE_FAILED"
  | "SPACE_EXHAUSTED";

export interface MirrorErrorOptions extends ErrorOptions {
  /** What the user can do: one imperative sentence. */
  readonly hint?: string | undefined;
}

/** Base of every failure that is not a bug in this package. */
export abstract class MirrorError extends Error {
  abstract readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(message: string, { hint, ...options }: MirrorErrorOptions = {}) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
  }
}

/** An option of a call has a value that cannot be used. */
export class OptionInvalidError extends MirrorError {
  override readonly code = "OPTION_INVALID";
  readonly option: string;

  constructor(name: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot use \`${name}\`: ${reason}`, options);
    this.option = name;
  }
}

/** Whether an error is the answer to an aborted signal. */
export function isAbortError(error: unknown): boolean {
  return error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");
}

/** Whether it is a failure that is no bug, with one of these codes. */
export function isMirrorError(
  error: unknown,
  ...codes: readonly ErrorCode[]
): error is MirrorError {
  return error instanceof MirrorError && codes.includes(error.code);
}
