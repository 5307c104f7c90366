import { mkdir } from "node:fs/promises";
import { runProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

/** A file system in memory with a size of its own. */
export interface SmallFileSystem extends AsyncDisposable {
  readonly path: string;
  makeReadOnly(): Promise<void>;
}

/** Mounts it; undefined where that is not permitted, with the reason printed. */
export async function mountSmallFileSystem(
  sizeBytes: number,
): Promise<SmallFileSystem | undefined> {
  const directory = await openTempDirectory("mirror-small-");
  const path = directory.resolve("mounted");
  await mkdir(path);
  const mount = (options: string) =>
    runProcess("mount", ["-t", "tmpfs", "-o", options, "mirror-test", path]);
  const { exitCode, stderr } = await mount(`size=${sizeBytes}`).catch((error: unknown) => ({
    exitCode: undefined,
    stderr: String(error),
  }));
  if (exitCode !== 0) {
    process.stderr.write(`Skipping tests of small file systems: ${stderr.trim()}\n`);
    await directory[Symbol.asyncDispose]();
    return undefined;
  }
  return {
    path,
    async makeReadOnly() {
      await mount("remount,ro");
    },
    async [Symbol.asyncDispose]() {
      await runProcess("umount", ["-l", path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}
