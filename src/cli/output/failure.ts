import { type ErrorCode, MirrorError } from "../../index.ts";
import { EXIT_INTERRUPTED, exitCodeOf } from "../exit-code.ts";
import { UsageError } from "../usage-error.ts";
import { causesOf, detailsOf, messageOf } from "./error.ts";

/** Of failures that have no code of the library. */
type ProgramErrorCode = "USAGE" | "INTERRUPTED" | "UNEXPECTED";

/** What a command prints with `--json` in place of its report when it could not be carried out (docs/json.md). */
export interface FailureDocument {
  readonly schemaVersion: 1;
  readonly mediaType: "application/vnd.airgap-mirror.error.v1+json";
  readonly error: {
    readonly code: ErrorCode | ProgramErrorCode;
    readonly message: string;
    readonly hint?: string;
    /** Messages of what led to it, the nearest first. */
    readonly causes: readonly { readonly message: string }[];
    readonly exitStatus: number;
  };
}

export function toFailureDocument(error: unknown): FailureDocument {
  const hint = error instanceof MirrorError || error instanceof UsageError ? error.hint : undefined;
  return createDocument({
    code: codeOf(error),
    message: messageOf(error),
    ...(hint === undefined ? {} : { hint }),
    causes: [...detailsOf(error), ...causesOf(error)].map((message) => ({ message })),
    exitStatus: exitCodeOf(error),
  });
}

export function toInterruption(resumeHint: string): FailureDocument {
  return createDocument({
    code: "INTERRUPTED",
    message: "The command was interrupted",
    hint: resumeHint,
    causes: [],
    exitStatus: EXIT_INTERRUPTED,
  });
}

function createDocument(error: FailureDocument["error"]): FailureDocument {
  const mediaType = "application/vnd.airgap-mirror.error.v1+json";
  return { schemaVersion: 1, mediaType, error };
}

function codeOf(error: unknown): ErrorCode | ProgramErrorCode {
  if (error instanceof MirrorError) return error.code;
  return error instanceof UsageError ? "USAGE" : "UNEXPECTED";
}
