import { join } from "node:path";
import { HEADER_LINE } from "../clients/planned-file.ts";
import { namespaceOfDirectory } from "../clients/runtimes/containerd.ts";
import { hasErrorCode } from "../io/errors.ts";
import { readdir } from "../io/file-system.ts";
import { readFound } from "./install-record.ts";

/** The registries that a tree of `hosts.toml` files of ours stands for: the files are the state. Sorted. */
export async function readInstalledNamespaces(directory: string): Promise<string[]> {
  const names = await listDirectories(directory);
  const found: string[] = [];
  for (const name of names) {
    const namespace = namespaceOfDirectory(name);
    if (namespace === undefined) continue;
    const hosts = await readFound(join(directory, name, "hosts.toml"));
    if (hosts?.bytes.toString("utf8").startsWith(HEADER_LINE)) found.push(namespace);
  }
  return found.sort();
}

/** No directory: nothing was installed. */
async function listDirectories(directory: string): Promise<string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}
