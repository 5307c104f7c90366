import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { describe, expect, test } from "vitest";
import { lockFile } from "../../src/io/file-lock.ts";
import { runProcess, startProcess } from "../support/run-process.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

/** Number of a process that has ended. */
async function deadPid(): Promise<number> {
  const { stdout } = await runProcess(process.execPath, ["-p", "process.pid"]);
  return Number(stdout);
}

/** A program that takes the lock, with a body of its own for `rm(path, options)`. */
function taker(path: string, removal: string): string {
  const lockModule = new URL("../../dist/io/file-lock.js", import.meta.url).href;
  return `
    import { existsSync } from "node:fs";
    import fs from "node:fs/promises";
    import { syncBuiltinESMExports } from "node:module";
    import { setTimeout } from "node:timers/promises";
    const remove = fs.rm;
    fs.rm = async (path, options) => { ${removal}; return remove(path, options); };
    syncBuiltinESMExports();
    const { lockFile } = await import(${JSON.stringify(lockModule)});
    const outcome = await lockFile(${JSON.stringify(path)}, "the bundle").then(
      () => "locked",
      (error) => error.code,
    );
    console.log(outcome);`;
}

function lockText(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ pid: process.pid, host: hostname(), started: "", id: "x", ...fields });
}

describe("lockFile()", () => {
  test("holds the lock until it is disposed of", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    {
      await using _lock = await lockFile(path, "the bundle");
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    }
    expect(await readdir(directory.path)).toEqual([]);
  });

  test("refuses a second holder and names the first", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    await using _lock = await lockFile(path, "the bundle");
    await expect(lockFile(path, "the bundle")).rejects.toMatchObject({
      code: "TARGET_LOCKED",
      path: "the bundle",
      holder: `process ${process.pid} on "${hostname()}"`,
    });
    expect(await readdir(directory.path)).toEqual(["lock"]);
  });

  test("refuses the lock of another machine and says what to do if that is gone", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    await writeFile(path, lockText({ pid: 1, host: "elsewhere.test" }));
    const refused = await lockFile(path, "the bundle").catch((error: unknown) => error);
    expect(refused).toMatchObject({ holder: 'process 1 on "elsewhere.test"' });
    expect(refused).toMatchObject({ hint: expect.stringContaining(`remove "${path}"`) });
  });

  test("takes over the lock of a process that has ended", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    await writeFile(path, lockText({ pid: await deadPid() }));
    await using _lock = await lockFile(path, "the bundle");
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    expect(await readdir(directory.path)).toEqual(["lock"]);
  });

  test.runIf(process.platform === "linux")(
    "takes over the lock of a process that was killed and that nobody has waited for",
    async () => {
      // The program that takes the place of the shell knows nothing of its child
      const script = `"$0" -e "$1" & echo $!; exec "$0" -e "console.log('ready'); $1"`;
      const idle = "setTimeout(() => {}, 60000)";
      await using parent = await startProcess("sh", ["-c", script, process.execPath, idle]);
      const [pid] = await parent.waitFor(/^\d+$/m);
      await parent.waitFor(/ready/);
      process.kill(Number(pid), "SIGKILL");
      await expect.poll(() => readFile(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
      await using directory = await openTempDirectory();
      const path = directory.resolve("lock");
      await writeFile(path, lockText({ pid: Number(pid) }));
      await using _lock = await lockFile(path, "the bundle");
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    },
  );

  test.runIf(process.platform === "linux")(
    "takes over the lock of an earlier process with the same number",
    async () => {
      await using directory = await openTempDirectory();
      const path = directory.resolve("lock");
      await writeFile(path, lockText({ pid: 1, started: "an earlier boot/1" }));
      await using _lock = await lockFile(path, "the bundle");
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    },
  );

  test.each(["", "{", '{"pid":-1}', "null"])(
    "takes over an old lock that says %j",
    async (text) => {
      await using directory = await openTempDirectory();
      const path = directory.resolve("lock");
      await writeFile(path, text);
      await utimes(path, 0, 0);
      await using _lock = await lockFile(path, "the bundle");
      expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
    },
  );

  test("leaves a lock alone that is just being written", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    await writeFile(path, "");
    await expect(lockFile(path, "the bundle")).rejects.toMatchObject({ code: "TARGET_LOCKED" });
  });

  test("gives a stale lock to exactly one of several that take it at once", async () => {
    await using directory = await openTempDirectory();
    const pid = await deadPid();
    for (let round = 0; round < 8; round++) {
      const path = directory.resolve(`lock-${round}`);
      await writeFile(path, lockText({ pid, id: round }));
      const takers = Array.from({ length: 8 }, () => lockFile(path, "the bundle"));
      const settled = await Promise.allSettled(takers);
      expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    }
  });

  test("gives a stale lock to one of two when the other has seen it and is slow", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    const go = directory.resolve("go");
    await writeFile(path, lockText({ pid: await deadPid() }));
    const script = taker(
      path,
      `if (path === ${JSON.stringify(path)}) {
         console.log("paused");
         while (!existsSync(${JSON.stringify(go)})) await setTimeout(5);
       }
       return remove(path, options);`,
    );
    await using slow = await startProcess(process.execPath, ["--input-type=module", "-e", script]);
    await slow.waitFor(/paused/);
    const outcome = await lockFile(path, "the bundle").then(
      () => "locked",
      (error: { readonly code: string }) => error.code,
    );
    await writeFile(go, "");
    const { stdout } = await slow.finished;
    const slowOutcome = stdout.trim().split("\n").at(-1);
    expect([outcome, slowOutcome].sort()).toEqual(["TARGET_LOCKED", "locked"]);
  });

  test("takes over a claim whose process ended while it took over a stale lock", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    const pid = await deadPid();
    await writeFile(path, lockText({ pid }));
    const script = taker(path, `if (path === ${JSON.stringify(path)}) process.exit(9);`);
    const crashed = await runProcess(process.execPath, ["--input-type=module", "-e", script]);
    expect(crashed).toMatchObject({ exitCode: 9, stderr: "" });
    expect((await readdir(directory.path)).length).toBeGreaterThan(1);
    await using _lock = await lockFile(path, "the bundle");
    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ pid: process.pid });
  });

  test("does not remove a lock that is no longer its own", async () => {
    await using directory = await openTempDirectory();
    const path = directory.resolve("lock");
    const lock = await lockFile(path, "the bundle");
    await writeFile(path, lockText({ id: "other" }));
    await lock[Symbol.asyncDispose]();
    expect(await readdir(directory.path)).toEqual(["lock"]);
  });

  test("names a directory that is gone", async () => {
    await using directory = await openTempDirectory();
    const failed = lockFile(directory.resolve("gone", "lock"), "the bundle");
    await expect(failed).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});
