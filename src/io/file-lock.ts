import { createHash, randomUUID } from "node:crypto";
import { link, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { hasErrorCode, storageError, TargetLockedError } from "./errors.ts";
import { readdir, rm, stat } from "./file-system.ts";
import { readFile } from "./read-file.ts";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Distinguishes a process from a later one with the same number. */
  readonly started: string;
  /** No two locks have the same text. */
  readonly id: string;
}

/**
 * Takes a lock file; `TARGET_LOCKED` names the process that has it. A lock whose process is gone, on this machine, is
 * taken over: of several that try, one gets it.
 */
export async function lockFile(path: string, subject: string): Promise<AsyncDisposable> {
  const started = (await startOf(process.pid)) ?? "";
  const holder: Holder = { pid: process.pid, host: hostname(), started, id: randomUUID() };
  const text = JSON.stringify(holder);
  const rival = await acquire(path, text);
  if (rival) throw lockedError(rival, { path, subject });
  await removeLeftovers(path);
  return {
    [Symbol.asyncDispose]: async () => {
      if ((await readLock(path))?.text === text) await rm(path, { force: true });
    },
  };
}

/** Throws `TARGET_LOCKED` if a living process has the lock. */
export async function refuseIfLocked(path: string, subject: string): Promise<void> {
  const found = await readLock(path);
  if (found && (await isAlive(found))) throw lockedError(found, { path, subject });
}

function lockedError(
  { holder }: FoundLock,
  { path, subject }: { readonly path: string; readonly subject: string },
): TargetLockedError {
  if (!holder) return new TargetLockedError(subject, "a process that has just started");
  const name = `process ${holder.pid} on "${holder.host}"`;
  if (holder.host === hostname()) return new TargetLockedError(subject, name);
  const hint = `Wait for that run to end; if it is gone, remove "${path}"`;
  return new TargetLockedError(subject, name, { hint });
}

/**
 * Creates the lock, or returns the living one that is there. A stale lock is removed under a second lock, named after
 * the text of the first: whoever read the same stale text has to pass there, one at a time, and looks again.
 */
async function acquire(path: string, text: string): Promise<FoundLock | undefined> {
  for (;;) {
    if (await createExclusively(path, text)) return undefined;
    const found = await readLock(path);
    if (!found) continue;
    if (await isAlive(found)) return found;
    const claim = `${path}.${createHash("sha256").update(found.text).digest("hex").slice(0, 16)}`;
    const rival = await acquire(claim, text);
    if (rival) return rival;
    try {
      const again = await readLock(path);
      if (again?.text === found.text && !(await isAlive(again))) await rm(path, { force: true });
    } finally {
      await rm(claim, { force: true });
    }
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

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Removes what processes have left that were killed while they took this lock. */
async function removeLeftovers(path: string): Promise<void> {
  const directory = dirname(path);
  const names = await readdir(directory).catch(() => []);
  const start = `${basename(path)}.`;
  const isTemporary = (name: string) =>
    name.startsWith(start) && UUID.test(name.slice(start.length));
  for (const name of names.filter(isTemporary)) {
    const left = join(directory, name);
    const found = await readLock(left);
    if (found && !(await isAlive(found))) await rm(left, { force: true });
  }
}

interface FoundLock {
  readonly text: string;
  /** Missing if the text is cut off. */
  readonly holder?: Holder;
  readonly writtenAt: number;
}

async function readLock(path: string): Promise<FoundLock | undefined> {
  try {
    const [text, { mtimeMs: writtenAt }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    const holder = parseHolder(text);
    return { text, writtenAt, ...(holder ? { holder } : {}) };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw storageError(error, path);
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder;
    return Number.isSafeInteger(value.pid) && value.pid > 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Time to write a few bytes where a file cannot be created with its content in one step. */
const CREATION_MS = 10_000;

/** How often, and for how long in milliseconds, the end of a process that was killed is waited for. */
const ENDING = { looks: 250, pauseMs: 20 } as const;

async function isAlive({ holder, writtenAt }: FoundLock): Promise<boolean> {
  if (!holder) return Math.abs(Date.now() - writtenAt) < CREATION_MS;
  const { pid, host, started } = holder;
  if (host !== hostname()) return true;
  if (pid === process.pid) return started === ((await startOf(pid)) ?? "");
  const now = await readWhenSettled(pid);
  if (!isThere(pid) || now?.state === "ended") return false;
  return started === "" || now === undefined || now.started === started;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrorCode(error, "ESRCH");
  }
}

/** A killed process whose threads hang in the system does not end: it may still write, and keeps its lock. */
async function readWhenSettled(pid: number): Promise<ProcessStatus | undefined> {
  for (let look = 0; ; look += 1) {
    const now = await readProcess(pid);
    if (now?.state !== "ending" || look === ENDING.looks) return now;
    await setTimeout(ENDING.pauseMs);
  }
}

async function startOf(pid: number): Promise<string | undefined> {
  return (await readProcess(pid))?.started;
}

interface ProcessStatus {
  /** Start time in clock ticks since boot, with the boot's identity. */
  readonly started: string;
  /**
   * `ended`: its parent has not asked for its status, and some containers have nobody who does. `ending`: it was killed,
   * and other threads of it may still be writing.
   */
  readonly state: "running" | "ending" | "ended";
}

/** Linux only: proc(5). */
async function readProcess(pid: number): Promise<ProcessStatus | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, "utf8"),
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
    ]);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const threads = Number(fields[17]);
    const isOver = fields[0] === "Z" || fields[0] === "X";
    const state = !isOver ? "running" : threads > 1 ? "ending" : "ended";
    return { started: `${boot.trim()}/${fields[19]}`, state };
  } catch {
    return undefined;
  }
}
