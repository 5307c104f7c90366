import { cp, mkdir, truncate } from "node:fs/promises";
import { runProcess } from "../../support/run-process.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

/** A file system on a block device that can be pulled out. */
export interface FailingMedium extends AsyncDisposable {
  /** Where it is mounted, read-only. */
  readonly path: string;
  /** From now on, what was not read before is an input/output error (EIO) of the device. */
  pullOut(): Promise<void>;
}

/**
 * Copies a directory to a medium of its own; undefined where no devices can be made, with the reason printed. In CI that
 * is a failure. The blocks of the device are a file, and that is cut off.
 */
export async function mountFailingMedium(content: string): Promise<FailingMedium | undefined> {
  const directory = await openTempDirectory("mirror-medium-");
  const [source, device, path] = ["source", "device", "mounted"].map((name) =>
    directory.resolve(name),
  ) as [string, string, string];
  await cp(content, source, { recursive: true });
  await mkdir(path);
  const failure =
    (await run("mke2fs", ["-q", "-t", "ext2", "-m", "0", "-d", source, device, "64M"])) ??
    (await run("mount", ["-o", "loop,ro", device, path]));
  if (failure !== undefined) {
    await directory[Symbol.asyncDispose]();
    if (process.env["CI"]) throw new Error(`Cannot make a device in CI: ${failure}`);
    process.stderr.write(`Skipping tests of a medium that is pulled out: ${failure}\n`);
    return undefined;
  }
  return {
    path,
    pullOut: () => truncate(device, 0),
    async [Symbol.asyncDispose]() {
      await run("umount", ["-l", path]);
      await directory[Symbol.asyncDispose]();
    },
  };
}

/** What went wrong, if anything. */
async function run(name: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { exitCode, stderr } = await runProcess(name, args);
    return exitCode === 0 ? undefined : stderr.trim();
  } catch (error) {
    return String(error);
  }
}
