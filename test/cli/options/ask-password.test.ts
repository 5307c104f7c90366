import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { askPassword } from "../../../src/cli/options/ask-password.ts";
import { textOf } from "../../support/text-of.ts";

function terminal() {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  const stderr = new PassThrough();
  const shown = () => textOf(stderr);
  return { stdin, stderr, shown, signal: new AbortController().signal };
}

describe("askPassword()", () => {
  test("reads a line and shows nothing of it", async () => {
    const { shown, ...context } = terminal();
    const asked = askPassword("Password: ", context);
    context.stdin.write("geheim\r");
    expect(await asked).toBe("geheim");
    expect(shown()).toBe("Password: \n");
  });

  test("asks nobody where stdin is no terminal", async () => {
    const { shown, ...context } = terminal();
    const stdin = new PassThrough();
    expect(await askPassword("Password: ", { ...context, stdin })).toBeUndefined();
    expect(shown()).toBe("");
  });

  test.each(["\u0003", "\u0004"])("ends with a usage error at %j", async (key) => {
    const { shown: _, ...context } = terminal();
    const asked = askPassword("Password: ", context);
    context.stdin.write(key);
    await expect(asked).rejects.toThrow("No password was given");
  });
});
