import { readFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { UsageError } from "../usage-error.ts";
import { parseImageList } from "./parse-image-list.ts";
import { readText } from "./stdin.ts";

const LIST_LIMIT_BYTES = 64 * 1024 * 1024;

/** The images of all `--images-from` files, in order; `-` is stdin. */
export async function readImageLists(
  paths: readonly string[],
  stdin: Readable,
): Promise<readonly string[]> {
  if (paths.filter((path) => path === "-").length > 1) {
    throw new UsageError("Cannot use --images-from: stdin can be read only once");
  }
  const lists: string[][] = [];
  for (const path of paths) {
    const text = path === "-" ? await readText(stdin, LIST_LIMIT_BYTES) : await readList(path);
    lists.push([...parseImageList(text)]);
  }
  return lists.flat();
}

async function readList(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(`Cannot read the image list "${path}"`, { cause });
  }
}
