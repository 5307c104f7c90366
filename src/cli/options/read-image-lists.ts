import type { Readable } from "node:stream";
import { MirrorError, parseSelection, readNamedText } from "../../index.ts";
import { UsageError } from "../usage-error.ts";
import { readText } from "./stdin.ts";

const LIST_LIMIT_BYTES = 64 * 1024 * 1024;

/** An image of a list, and where it stands. */
interface ListedImage {
  readonly text: string;
  /** `images.txt:3` */
  readonly place: string;
}

/** The images of all `--images-from` files, in order; `-` is stdin. Throws `UsageError` that names every line that is none. */
export async function readImageLists(
  paths: readonly string[],
  stdin: Readable,
): Promise<readonly string[]> {
  if (paths.filter((path) => path === "-").length > 1) {
    throw new UsageError("Cannot use --images-from: stdin can be read only once");
  }
  const images: ListedImage[] = [];
  for (const path of paths) {
    const text = path === "-" ? await readText(stdin, LIST_LIMIT_BYTES) : await readList(path);
    for (const image of parseImageList(text, path === "-" ? "stdin" : path)) images.push(image);
  }
  refuseBadLines(images);
  return images.map(({ text }) => text);
}

/** One image per line; blank lines and everything from a `#` that starts a line or follows a space are left out. */
function parseImageList(text: string, name: string): readonly ListedImage[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line, index) => ({
      text: line.replace(/(^|\s)#.*$/, "").trim(),
      place: `${name}:${index + 1}`,
    }))
    .filter((image) => image.text !== "");
}

function refuseBadLines(images: readonly ListedImage[]): void {
  const details = images.flatMap(({ text, place }) => {
    const problem = problemOf(text);
    return problem === undefined ? [] : [`${place}: ${problem}`];
  });
  if (details.length === 0) return;
  const lines =
    details.length === 1 ? "1 line is no image" : `${details.length} lines are no images`;
  throw new UsageError(`Cannot use --images-from: ${lines}`, {
    details,
    hint: "Write registry/repository[:tag|@digest|@constraint] on a line of its own, and comments behind #",
  });
}

function problemOf(text: string): string | undefined {
  try {
    parseSelection({ includeImages: [text] });
    return undefined;
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    return error.message.replace(/^Cannot (?:use `includeImages`|parse reference) /, "");
  }
}

async function readList(path: string): Promise<string> {
  try {
    return await readNamedText(path);
  } catch (cause) {
    throw new UsageError(`Cannot read the image list "${path}"`, { cause });
  }
}
