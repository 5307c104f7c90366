import { describe, expect, test } from "vitest";
import { type FlagTable, resolveFlags } from "../../../src/cli/options/flag.ts";

const TABLE = {
  force: { type: "boolean", describe: "" },
  license: { type: "string", describe: "", env: ["D8_MIRROR_LICENSE_TOKEN"] },
  progress: { type: "string", describe: "", choices: ["tty", "json"] },
  "include-module": { type: "list", describe: "" },
} as const satisfies FlagTable;

const resolve = (sources: Partial<Parameters<typeof resolveFlags>[1]>) =>
  resolveFlags(TABLE, { argv: {}, env: {}, config: {}, ...sources });

describe("resolveFlags()", () => {
  test("leaves out what nobody gave", () => {
    expect(resolve({})).toEqual({});
  });

  test("takes the command line first, then the environment, then the file", () => {
    const argv = { license: "typed" };
    const env = { MIRROR_LICENSE: "exported", D8_MIRROR_LICENSE_TOKEN: "older" };
    const config = { license: "configured" };
    expect(resolve({ argv, env, config })).toEqual({ license: "typed" });
    expect(resolve({ env, config })).toEqual({ license: "exported" });
    expect(resolve({ env: { D8_MIRROR_LICENSE_TOKEN: "older" }, config })).toEqual({
      license: "older",
    });
    expect(resolve({ config })).toEqual({ license: "configured" });
  });

  test("takes an empty variable as not set", () => {
    expect(resolve({ env: { MIRROR_LICENSE: "" } })).toEqual({});
  });

  test.each([
    ["1", true],
    ["true", true],
    ["YES", true],
    ["0", false],
    ["false", false],
    ["off", false],
  ])("reads %s from the environment as %s", (text, value) => {
    expect(resolve({ env: { MIRROR_FORCE: text } })).toEqual({ force: value });
  });

  test("keeps spaces and commas inside selectors of a variable", () => {
    const env = { MIRROR_INCLUDE_MODULE: "foo@>=1.1.0 <1.3.0; bar@^1,<2\nbaz;" };
    expect(resolve({ env })).toEqual({
      "include-module": ["foo@>=1.1.0 <1.3.0", "bar@^1,<2", "baz"],
    });
  });

  test("makes a list of a single value, and text of a number in the file", () => {
    expect(resolve({ config: { "include-module": "foo", license: 42 } })).toEqual({
      "include-module": ["foo"],
      license: "42",
    });
  });

  test.each([
    ["a value that is no boolean", { env: { MIRROR_FORCE: "maybe" } }, /MIRROR_FORCE: "maybe"/],
    ["two values for one flag", { argv: { license: ["a", "b"] } }, /--license: .* got 2/],
    ["an object in the file", { config: { license: {} } }, /"license" in the configuration file/],
    ["a text for a boolean in the file", { config: { force: "yes" } }, /not true or false/],
    ["a value that is no choice", { argv: { progress: "loud" } }, /"loud" is not one of tty, json/],
  ])("refuses %s", (_what, sources, message) => {
    expect(() => resolve(sources)).toThrow(message);
  });
});
