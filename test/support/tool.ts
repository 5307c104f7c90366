import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, test } from "vitest";

/**
 * `requireTool("skopeo").describe(…)`: runs where the tools are installed, skips with the reason printed elsewhere.
 * In CI a missing tool is a failure.
 */
export function requireTool(...names: readonly string[]): {
  readonly describe: typeof describe | typeof describe.skip;
  readonly test: typeof test | typeof test.skip;
} {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return { describe, test };
  const reason = `not installed: ${missing.join(", ")}`;
  if (process.env["CI"]) throw new Error(`Cannot run tests in CI: ${reason}`);
  process.stderr.write(`Skipping tests: ${reason}\n`);
  return { describe: describe.skip, test: test.skip };
}

/**
 * As `requireTool`, for programs that Debian does not have: they are skipped in CI too. Fixtures of what they write stand in
 * for them there.
 */
export function useTool(...names: readonly string[]): ReturnType<typeof requireTool> {
  const missing = names.filter((name) => findTool(name) === undefined);
  if (missing.length === 0) return { describe, test };
  process.stderr.write(`Skipping tests: not installed, and not needed: ${missing.join(", ")}\n`);
  return { describe: describe.skip, test: test.skip };
}

/** Path of a program on `PATH`, or in the directories of system programs that a user's `PATH` may lack. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** As `requireTool`, for daemons that start only for root: containerd, dockerd. */
export function requireDaemon(...names: readonly string[]): ReturnType<typeof requireTool> {
  const tools = requireTool(...names);
  if (process.getuid?.() === 0) return tools;
  process.stderr.write(`Skipping tests: ${names.join(", ")} can only be started by root\n`);
  return { describe: describe.skip, test: test.skip };
}
