import { type DoctorReport, type ErrorCode, MirrorError, type VerifyReport } from "../index.ts";
import { UsageError } from "./usage-error.ts";

export const EXIT_DONE = 0;
export const EXIT_BUG = 1;
const EXIT_USAGE = 2;
export const EXIT_PARTIAL = 3;
/** Asked for, and found: two things differ. */
export const EXIT_DIFFERENT = 4;
export const EXIT_INTERRUPTED = 130;

/** A code without an exit status does not compile. */
const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  OPTION_INVALID: EXIT_USAGE,
  REFERENCE_INVALID: EXIT_USAGE,
  SELECTION_INVALID: EXIT_USAGE,
  BUNDLE_DIRECTORY_OCCUPIED: EXIT_USAGE,
  LOCK_INVALID: EXIT_USAGE,
  PRUNE_LIST_INVALID: EXIT_USAGE,
  REGISTRY_DENIED: 10,
  REGISTRY_NOT_FOUND: 11,
  SELECTION_UNMATCHED: 11,
  REGISTRY_LIMITED: 12,
  REGISTRY_REFUSED: 13,
  DELETE_UNSUPPORTED: 13,
  TAG_LIST_UNSUPPORTED: 13,
  REGISTRY_UNREACHABLE: 14,
  WAIT_TIMED_OUT: 15,
  RUNTIME_UNAVAILABLE: 16,
  RUNTIME_REFUSED: 17,
  CONTENT_MISMATCH: 20,
  CONTENT_INVALID: 20,
  FILE_CHANGED: 20,
  CONTENT_MISSING: 21,
  BUNDLE_CORRUPT: 22,
  BUNDLE_VERSION_UNSUPPORTED: 23,
  LOCK_VERSION_UNSUPPORTED: 23,
  CLIENT_CONFIG_CONFLICT: 24,
  SIGNATURE_REFUSED: 25,
  TARGET_LOCKED: 30,
  SPACE_EXHAUSTED: 31,
  STORAGE_FAILED: 32,
  LISTEN_FAILED: 33,
};

/** The table that every help text ends with. */
export const EXIT_STATUS_HELP = `Exit status:
  0    everything planned is done
  1    a bug in the program
  2    usage: a flag, selector or reference is invalid; nothing was touched
  3    finished, but some items failed; the summary and the receipt list them
  4    there are differences, and --exit-code asks for them
  10   registry: denied                  20   content: digest or form is wrong
  11   registry: not found               21   content: missing
  12   registry: rate limit              22   bundle is damaged
  13   registry: refused                 23   version of bundle or lock unknown
  14   registry: unreachable             30   another run holds the bundle
  24   configuration of others in the way 31   not enough space
  32   disk or medium cannot be read or written
  33   cannot listen on the address      15   nobody answered in time
  16   runtime: not there                17   runtime: refused
  25   not signed as it is demanded
  130  interrupted; run the same command again to go on`;

/** The status that a command ends with when it throws. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof MirrorError) return EXIT_CODES[error.code];
  return error instanceof UsageError ? EXIT_USAGE : EXIT_BUG;
}

/** The status of a pull or push that was carried out. */
export function exitCodeOfOutcome({ complete }: { readonly complete: boolean }): number {
  return complete ? EXIT_DONE : EXIT_PARTIAL;
}

/** The status of the first check that failed. */
export function exitCodeOfChecks(checks: DoctorReport["checks"]): number {
  const failed = checks.find(({ status }) => status === "failed");
  if (failed === undefined) return EXIT_DONE;
  return failed.code === undefined ? EXIT_PARTIAL : EXIT_CODES[failed.code];
}

/** Scripts want the cause: the status of the first problem, not just "partial". */
export function exitCodeOfReport(report: Pick<VerifyReport, "complete" | "problems">): number {
  const [first] = report.problems;
  if (first !== undefined) return EXIT_CODES[first.code];
  return report.complete ? EXIT_DONE : EXIT_PARTIAL;
}
