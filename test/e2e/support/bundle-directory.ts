import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Path below the directory → size, of all files in it. */
export async function listFiles(directory: string): Promise<Record<string, number>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(directory.length + 1), (await stat(path)).size] as const;
    }),
  );
  return Object.fromEntries(sizes.sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Path below the directory → sha256, of all files in it. */
export async function hashFiles(directory: string): Promise<Record<string, string>> {
  const names = Object.keys(await listFiles(directory));
  const hashes = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(directory, name));
      return [name, createHash("sha256").update(bytes).digest("hex")] as const;
    }),
  );
  return Object.fromEntries(hashes);
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
