import { describe, expect, test } from "vitest";
import { parseModulesPath } from "../../src/product/modules-path.ts";

describe("parseModulesPath()", () => {
  test.each([
    [undefined, "modules"],
    ["", "modules"],
    [" ", "modules"],
    ["modules", "modules"],
    ["/modules", "modules"],
    ["modules/", "modules"],
    ["/", ""],
    ["//", ""],
    ["/my/mods", "my/mods"],
    ["my/mods//", "my/mods"],
    [" /a/b/c/ ", "a/b/c"],
  ])("reads %j as %j", (text, path) => {
    expect(parseModulesPath(text)).toBe(path);
  });

  test.each(["../mods", "a/../b", "a//b", "MODS", "a b", "/a/-", "mods:v1", "."])(
    "refuses %j, and names the flag",
    (text) => {
      expect(() => parseModulesPath(text)).toThrow(
        expect.objectContaining({
          code: "REFERENCE_INVALID",
          message: expect.stringContaining("`modulesPathSuffix`"),
        }),
      );
    },
  );
});
