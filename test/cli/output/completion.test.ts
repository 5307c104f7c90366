import { writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/commands/list.ts";
import { renderCompletion, SHELLS } from "../../../src/cli/output/completion.ts";
import { runInProcess } from "../../support/run-cli.ts";
import { runProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { findTool } from "../../support/tool.ts";

describe("mirror completion", () => {
  test.each(SHELLS)("prints for %s every command with its flags", async (shell) => {
    const { stdout, status } = await runInProcess(["completion", shell]);
    expect(status).toBe(0);
    for (const { name, flags } of COMMANDS) {
      expect(stdout).toContain(name);
      for (const flag of Object.keys(flags)) expect(stdout).toContain(flag);
    }
  });

  test("refuses another shell by name", async () => {
    const { stderr, status } = await runInProcess(["completion", "csh"]);
    expect(stderr).toContain("Use one of bash, zsh, fish");
    expect(status).toBe(2);
  });

  test.runIf(findTool("bash"))("completes commands, flags and choices in bash", async () => {
    await using directory = await openTempDirectory();
    const script = directory.resolve("mirror.bash");
    await writeFile(script, renderCompletion("bash", COMMANDS));
    const complete = async (...words: string[]) => {
      const line = `source ${script}; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _mirror; echo "\${COMPREPLY[@]}"`;
      return (await runProcess("bash", ["-c", line])).stdout.trim();
    };
    expect(await complete("mirror", "pu")).toBe("pull push");
    expect(await complete("mirror", "push", "--rec")).toBe("--receipt");
    expect(await complete("mirror", "pull", "--progress", "j")).toBe("json");
    expect(await complete("mirror", "completion", "f")).toBe("fish");
    // Its value is no word of its own: what stands behind it is the bundle
    expect(await complete("mirror", "pull", "--chart-images", "n")).not.toContain("named");
    expect(await complete("mirror", "pull", "--chart-im")).toBe(
      "--chart-images --chart-images=guess",
    );
  });
});
