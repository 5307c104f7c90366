import { randomUUID } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { hasErrorCode, storageError, TargetLockedError } from "./errors.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Distinguishes a process from a later one with the same number. */
  readonly started: string;
}

/**
 * Takes a lock file; `TARGET_LOCKED` names the process that has it. A lock whose process is gone, on this machine, is
 * taken over.
 */
export async function lockFile(path: string, subject: string): Promise<AsyncDisposable> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    started: (await startOf(process.pid)) ?? "",
  };
  for (let attempt = 0; ; attempt++) {
    if (await createExclusively(path, JSON.stringify(holder))) {
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    }
    const found = await readHolder(path);
    if (found && (attempt > 10 || (await isAlive(found)))) {
      throw new TargetLockedError(subject, `process ${found.pid} on "${found.host}"`);
    }
    await rm(path, { force: true });
  }
}

/** Creates the file with its content in one step: nobody can see it empty. */
async function createExclusively(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}`;
  try {
    await writeFile(temporary, text, { flag: "wx" });
    await link(temporary, path).catch(async (error: unknown) => {
      // FAT and exFAT have no links
      if (hasErrorCode(error, "EPERM", "ENOTSUP", "ENOSYS", "EOPNOTSUPP", "EINVAL")) {
        await writeFile(path, text, { flag: "wx" });
      } else throw error;
    });
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw storageError(error, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  try {
    const value = JSON.parse(text) as Holder;
    return Number.isSafeInteger(value.pid) && value.pid > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

async function isAlive({ pid, host, started }: Holder): Promise<boolean> {
  if (host !== hostname()) return true;
  if (pid === process.pid) return started === ((await startOf(pid)) ?? "");
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (hasErrorCode(error, "ESRCH")) return false;
  }
  const now = await startOf(pid);
  return started === "" || now === undefined || now === started;
}

/** Start time of a process in clock ticks since boot, with the boot's identity; Linux only. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return `${boot.trim()}/${fields[19]}`;
  } catch {
    return undefined;
  }
}
