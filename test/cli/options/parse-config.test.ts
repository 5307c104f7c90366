import { describe, expect, test } from "vitest";
import { parseConfig } from "../../../src/cli/options/parse-config.ts";

const options = { path: "mirror.json", knownFlags: new Set(["source", "include-module"]) };

describe("parseConfig()", () => {
  test("takes keys that are flags", () => {
    const config = { source: "registry.example.com/acme", "include-module": ["foo@^1"] };
    expect(parseConfig(JSON.stringify(config), options)).toEqual(config);
  });

  test.each([
    ["text that is no JSON", "source: x", /it is not JSON/],
    ["a list", "[]", /it is not a JSON object/],
    ["a key that is no flag", '{ "sourse": "x" }', /unknown key "sourse"/],
    ["several of them", '{ "a": 1, "b": 1 }', /unknown keys "a", "b"/],
  ])("refuses %s", (_what, text, message) => {
    expect(() => parseConfig(text, options)).toThrow(message);
  });
});
