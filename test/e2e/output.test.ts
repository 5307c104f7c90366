import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MAIN } from "../support/cli.ts";
import { runProcess } from "../support/run-process.ts";

/** The program with its output behind a redirection. */
const shell = (command: string) => runProcess("sh", ["-c", command, process.execPath, MAIN]);

describe("mirror", () => {
  test.runIf(existsSync("/dev/full"))("says that its output has no room", async () => {
    const { exitCode, stderr } = await shell('"$0" "$1" --help > /dev/full');
    expect(stderr).toMatch(/^error: Cannot write to "the output": no space is left\n.*\nhint: /);
    expect(stderr).not.toContain("at ");
    expect(exitCode).toBe(31);
  });
});
