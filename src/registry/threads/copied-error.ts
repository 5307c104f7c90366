import { type ErrorCode, MirrorError, type MirrorErrorOptions } from "../../errors.ts";
import { SpaceExhaustedError, StorageFailedError } from "../../io/errors.ts";
import { RegistryUnreachableError } from "../errors.ts";
import type { UnreachableReason } from "../unreachable-reasons.ts";

/** An error that has crossed from one thread to another: messages copy neither classes nor all fields. */
export interface CopiedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string | undefined;
  readonly hint?: string | undefined;
  readonly cause?: CopiedError | undefined;
  /** Of failures that are told from others by more than their code. */
  readonly fields?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Causes beyond this depth say nothing new. */
const CAUSES_LIMIT = 5;

export function copyError(error: unknown, depth = 0): CopiedError {
  if (!(error instanceof Error)) return { name: "Error", message: String(error) };
  const { code } = error as NodeJS.ErrnoException;
  const cause = error.cause ?? (error as Partial<AggregateError>).errors?.[0];
  return {
    name: error.name,
    message: error.message,
    ...(typeof code === "string" ? { code } : {}),
    ...(error instanceof MirrorError ? { hint: error.hint, fields: fieldsOf(error) } : {}),
    ...(cause === undefined || depth >= CAUSES_LIMIT ? {} : { cause: copyError(cause, depth + 1) }),
  };
}

/** The error as it was, for everyone who looks at classes, codes, texts and causes. */
export function reviveError(copied: CopiedError): Error {
  const { name, message, code, hint } = copied;
  const cause = copied.cause && reviveError(copied.cause);
  const options = { hint, ...(cause ? { cause } : {}) };
  if (copied.fields) return reviveOwn(copied, options);
  const error = new Error(message, options);
  return Object.assign(error, { name }, code === undefined ? {} : { code });
}

function fieldsOf(error: MirrorError): CopiedError["fields"] {
  if (error instanceof RegistryUnreachableError) {
    const { registry, reason, namedBy, detail } = error;
    return { registry, reason, namedBy, detail };
  }
  if (error instanceof StorageFailedError) return { path: error.path, reason: error.reason };
  return error instanceof SpaceExhaustedError ? { path: error.path } : {};
}

function reviveOwn(
  { name, message, code, fields = {} }: CopiedError,
  options: MirrorErrorOptions,
): MirrorError {
  const { registry = "", reason = "", path = "", ...rest } = fields;
  switch (code) {
    case "REGISTRY_UNREACHABLE":
      return new RegistryUnreachableError(
        registry,
        { ...rest, reason: reason as UnreachableReason },
        options,
      );
    case "STORAGE_FAILED":
      return new StorageFailedError(path, reason, options);
    case "SPACE_EXHAUSTED":
      return new SpaceExhaustedError(path, "no space is left", options);
    default:
      return new ForeignError(message, { name, code: code as ErrorCode }, options);
  }
}

class ForeignError extends MirrorError {
  override readonly code: ErrorCode;

  constructor(
    message: string,
    { name, code }: { readonly name: string; readonly code: ErrorCode },
    options: MirrorErrorOptions,
  ) {
    super(message, options);
    this.name = name;
    this.code = code;
  }
}
