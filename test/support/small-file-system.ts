import { mkdir } from "node:fs/promises";
import { runProcess } from "./run-process.ts";
import { openTempDirectory } from "./temp-directory.ts";
import { findTool } from "./tool.ts";

/** A file system in memory with a size of its own. */
export interface SmallFileSystem extends AsyncDisposable {
  readonly path: string;
  makeReadOnly(): Promise<void>;
  resize(sizeBytes: number): Promise<void>;
}

/** Mounts it; undefined where that is not permitted, with the reason printed. In CI that is a failure. */
export async function mountSmallFileSystem(
  sizeBytes: number,
): Promise<SmallFileSystem | undefined> {
  const directory = await openTempDirectory("mirror-small-");
  const path = directory.resolve("mounted");
  await mkdir(path);
  const remount = async (options: string) => {
    const failure = await runAsRoot("mount", ["-o", `remount,${options}`, path]);
    if (failure !== undefined) throw new Error(`Cannot mount "${path}" again: ${failure}`);
  };
  const options = ["-t", "tmpfs", "-o", `size=${sizeBytes},mode=1777`, "mirror-test", path];
  const failure = await runAsRoot("mount", options);
  if (failure !== undefined) {
    await directory[Symbol.asyncDispose]();
    if (process.env["CI"]) throw new Error(`Cannot mount a file system in CI: ${failure}`);
    process.stderr.write(`Skipping tests of small file systems: ${failure}\n`);
    return undefined;
  }
  return {
    path,
    makeReadOnly: () => remount("ro"),
    resize: (size) => remount(`size=${size}`),
    async [Symbol.asyncDispose]() {
      await runAsRoot("umount", ["-l", path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** What went wrong, if anything. CI may become root by `sudo`; a developer is not asked to. */
async function runAsRoot(name: string, args: readonly string[]): Promise<string | undefined> {
  const command = findTool(name);
  if (command === undefined) return `not installed: ${name}`;
  const isRoot = process.getuid?.() === 0;
  const { exitCode, stderr } =
    isRoot || !process.env["CI"]
      ? await runProcess(command, args)
      : await runProcess("sudo", ["-n", command, ...args]);
  return exitCode === 0 ? undefined : stderr.trim();
}
