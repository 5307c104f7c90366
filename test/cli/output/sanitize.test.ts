import { describe, expect, test } from "vitest";
import { sanitize, shortDigest, shorten } from "../../../src/cli/output/sanitize.ts";

describe("sanitize()", () => {
  test.each([
    ["an escape sequence", "\u001b[31mred\u001b[0m", " [31mred [0m"],
    ["a line break", "one\r\ntwo", "one two"],
    ["a C1 control", "a\u009bb", "a b"],
    ["reversed text", "a\u202egpj.exe", "a gpj.exe"],
    ["letters of any language", "Größe 大小", "Größe 大小"],
  ])("makes one harmless line of %s", (_what, text, harmless) => {
    expect(sanitize(text)).toBe(harmless);
  });
});

describe("shorten()", () => {
  test.each([
    ["module-foo", 10, "module-foo"],
    ["module-console", 9, "modu…sole"],
    ["module-console", 8, "modu…ole"],
  ])("fits %s into %i", (text, width, short) => {
    expect(shorten(text, width)).toBe(short);
  });
});

describe("shortDigest()", () => {
  test("keeps the first twelve digits", () => {
    expect(shortDigest(`sha256:${"0123456789abcdef".repeat(4)}`)).toBe("0123456789ab");
  });
});
