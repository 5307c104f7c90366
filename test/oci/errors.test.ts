import { describe, expect, test } from "vitest";
import {
  ContentInvalidError,
  ContentMismatchError,
  printable,
  ReferenceInvalidError,
  withoutUserInfo,
} from "../../src/oci/errors.ts";

describe("errors of oci", () => {
  test("ReferenceInvalidError drops user names and passwords from field and message", () => {
    const error = new ReferenceInvalidError("https://robot:s3cret@host/path", "it is wrong");
    expect(error.reference).toBe("https://host/path");
    expect(error.message).toBe('Cannot parse reference "https://host/path": it is wrong');
  });

  test("ContentInvalidError shows no control characters of a server", () => {
    const error = new ContentInvalidError("manifest \u001b[2J", "it says \u202eevil\r\n");
    expect(error.message).toBe("Cannot use manifest  [2J: it says  evil ");
  });

  test("ContentMismatchError names the digest and keeps the cause", () => {
    const cause = new Error("cut");
    const error = new ContentMismatchError("sha256:ab", "it ends early", { cause });
    expect(error).toMatchObject({ code: "CONTENT_MISMATCH", digest: "sha256:ab", cause });
  });
});

describe("withoutUserInfo()", () => {
  test.each([
    ["https://user:password@host/path", "https://host/path"],
    ["user:password@host:5000/path", "host:5000/path"],
    ["user:p@ss@host/path", "host/path"],
    ["user:p/ss@host/path", "host/path"],
    ["https://user:password@host", "https://host"],
    ["user:password@host:5000", "host:5000"],
    ["user:p@ss@host.test", "host.test"],
  ])("%s becomes %s", (text, shown) => {
    expect(withoutUserInfo(text)).toBe(shown);
  });

  test.each([
    "host:5000/path",
    "ghcr.io/acme/web:v2@sha256:abc",
    "host:5000/web@>=1.0",
    "web:tag@sha256:abc",
    "console@./bundle",
    "host:5000/web@1.0",
    "",
  ])("leaves %j alone", (text) => {
    expect(withoutUserInfo(text)).toBe(text);
  });
});

describe("printable()", () => {
  test("keeps text of all languages", () => {
    expect(printable("naïve 名前 →")).toBe("naïve 名前 →");
  });

  test.each(["\n", "\u001b", "\u007f", "\u0085", "\u202e", "\u2066"])("replaces %j", (text) => {
    expect(printable(`a${text}b`)).toBe("a b");
  });
});
