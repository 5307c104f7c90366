import { readFile } from "./read-file.ts";

/** How many files and connections this process may have open, where the system tells. */
export async function readOpenFileLimit(): Promise<number | undefined> {
  try {
    const limits = await readFile("/proc/self/limits", "utf8");
    const [, soft] = /^Max open files +(\d+)/m.exec(limits) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    // Systems without the file have no such limit, or do not tell it
    return undefined;
  }
}
