import { describe, expect, test } from "vitest";
import { renderError } from "../../../src/cli/output/error.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";
import { OptionInvalidError } from "../../../src/errors.ts";

describe("renderError()", () => {
  test("shows message, causes and hint, and no stack", () => {
    const cause = new Error("connect ECONNREFUSED", { cause: new Error("host is down") });
    const error = new OptionInvalidError("source", "nobody answers", { cause, hint: "Start it" });
    expect(renderError(error, { debug: false })).toBe(
      [
        "error: Cannot use `source`: nobody answers",
        "  because: connect ECONNREFUSED",
        "  because: host is down",
        "hint: Start it",
        "",
      ].join("\n"),
    );
  });

  test("leaves out a cause that the message already tells", () => {
    const error = new UsageError("Cannot read it: no such file", {
      cause: new Error("no such file"),
    });
    expect(renderError(error, { debug: false })).toBe("error: Cannot read it: no such file\n");
  });

  test("ends where causes go in a circle", () => {
    const error = new UsageError("Cannot do it");
    error.cause = error;
    expect(renderError(error, { debug: false })).toBe("error: Cannot do it\n");
  });

  test("keeps control characters of a server away from the terminal", () => {
    const error = new UsageError("Cannot push: \u001b[2Jserver says\nhello", { hint: "a\u0007b" });
    const text = renderError(error, { debug: false });
    expect(text).toBe("error: Cannot push:  [2Jserver says hello\nhint: a b\n");
  });

  test("adds the stacks with --debug", () => {
    const error = new UsageError("Cannot do it", { cause: new Error("deeper") });
    const text = renderError(error, { debug: true });
    expect(text).toContain("UsageError: Cannot do it");
    expect(text).toContain("caused by: Error: deeper");
    expect(text).toContain("error.test.ts");
  });

  test("shows the stack of a bug always", () => {
    const text = renderError(new TypeError("x is not a function"), { debug: false });
    expect(text).toContain("error: a bug in this program: x is not a function");
    expect(text).toContain("error.test.ts");
  });

  test("renders what is no error at all", () => {
    expect(renderError("text", { debug: false })).toContain("a bug in this program: text");
  });
});
