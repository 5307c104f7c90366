import { readdir, readFile, readlink } from "node:fs/promises";

/** The process that listens on a TCP port of this machine: `1234 (nginx)`; undefined where the system does not tell. */
export async function findPortHolder(port: number): Promise<string | undefined> {
  try {
    const inodes = await listeningInodes(port);
    if (inodes.size === 0) return undefined;
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
      if (!(await holdsAny(pid, inodes))) continue;
      const name = await readFile(`/proc/${pid}/comm`, "utf8");
      return `${pid} (${name.trim()})`;
    }
  } catch {
    // No Linux, or a process that has just ended: the message does without
  }
  return undefined;
}

/** State of a listening socket in `/proc/net/tcp`. */
const LISTENING = "0A";

async function listeningInodes(port: number): Promise<ReadonlySet<string>> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/net/${name}`, "utf8").catch(() => "")),
  );
  const rows = tables.flatMap((table) => table.split("\n")).map((row) => row.trim().split(/\s+/));
  const listening = rows.filter(
    ([, local = "", , state]) => local.endsWith(wanted) && state === LISTENING,
  );
  return new Set(listening.map((row) => `socket:[${row[9]}]`));
}

/** Descriptors of other users' processes cannot be read. */
async function holdsAny(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (inodes.has(target)) return true;
  }
  return false;
}
