import { describe, expect, test } from "vitest";
import {
  EXIT_STATUS_HELP,
  exitCodeOf,
  exitCodeOfOutcome,
  exitCodeOfReport,
} from "../../src/cli/exit-code.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { type ErrorCode, MirrorError } from "../../src/errors.ts";

class AnyMirrorError extends MirrorError {
  override readonly code: ErrorCode;

  constructor(code: ErrorCode) {
    super(`Cannot do it: ${code}`);
    this.code = code;
  }
}

describe("exitCodeOf()", () => {
  test.each<[ErrorCode, number]>([
    ["OPTION_INVALID", 2],
    ["REFERENCE_INVALID", 2],
    ["SELECTION_INVALID", 2],
    ["BUNDLE_DIRECTORY_OCCUPIED", 2],
    ["REGISTRY_DENIED", 10],
    ["REGISTRY_NOT_FOUND", 11],
    ["SELECTION_UNMATCHED", 11],
    ["REGISTRY_LIMITED", 12],
    ["REGISTRY_REFUSED", 13],
    ["REGISTRY_UNREACHABLE", 14],
    ["CONTENT_MISMATCH", 20],
    ["CONTENT_INVALID", 20],
    ["CONTENT_MISSING", 21],
    ["BUNDLE_CORRUPT", 22],
    ["BUNDLE_VERSION_UNSUPPORTED", 23],
    ["TARGET_LOCKED", 30],
    ["SPACE_EXHAUSTED", 31],
    ["STORAGE_FAILED", 32],
    ["LISTEN_FAILED", 33],
  ])("%s is %i, which the help text names", (code, status) => {
    expect(exitCodeOf(new AnyMirrorError(code))).toBe(status);
    expect(EXIT_STATUS_HELP).toMatch(new RegExp(`(?:^|\\s)${status} {2}`, "m"));
  });

  test("is 2 for a usage error and 1 for everything unexpected", () => {
    expect(exitCodeOf(new UsageError("Cannot do it"))).toBe(2);
    expect(exitCodeOf(new TypeError("x is not a function"))).toBe(1);
    expect(exitCodeOf("thrown text")).toBe(1);
  });
});

describe("exitCodeOfOutcome()", () => {
  test("is 3 when something is missing", () => {
    expect(exitCodeOfOutcome({ complete: false })).toBe(3);
    expect(exitCodeOfOutcome({ complete: true })).toBe(0);
  });
});

describe("exitCodeOfReport()", () => {
  const problem = { file: "images.tar", message: "it is short" };

  test("is the status of the first problem", () => {
    const problems = [
      { ...problem, code: "CONTENT_MISSING" as const },
      { ...problem, code: "BUNDLE_CORRUPT" as const },
    ];
    expect(exitCodeOfReport({ complete: false, problems })).toBe(21);
  });

  test("is 0 without problems, and 3 if the report is not complete nevertheless", () => {
    expect(exitCodeOfReport({ complete: true, problems: [] })).toBe(0);
    expect(exitCodeOfReport({ complete: false, problems: [] })).toBe(3);
  });
});
