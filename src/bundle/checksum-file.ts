import { join } from "node:path";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { readFile, stat } from "../io/file-system.ts";
import { BundleCorruptError } from "./errors.ts";
import { CHECKSUM_FILE } from "./format.ts";

export const COPY_AGAIN = { hint: "Copy the file again from the source medium" };

export interface Checksums {
  /** File name → sha256 in lower-case hex. */
  readonly sums: ReadonlyMap<string, string>;
  /** Lines that cannot be read. */
  readonly problems: readonly BundleCorruptError[];
}

/** The `SHA256SUMS` of a directory; undefined if there is none. */
export async function readChecksums(directory: string): Promise<Checksums | undefined> {
  const path = join(directory, CHECKSUM_FILE);
  const bytes = await readIfPresent(path);
  return bytes && parseChecksums(bytes.toString("latin1"), path);
}

function parseChecksums(text: string, path: string): Checksums {
  const sums = new Map<string, string>();
  const problems: BundleCorruptError[] = [];
  let offset = 0;
  for (const line of text.split("\n")) {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (sha256 && name) sums.set(name, sha256);
    else if (line !== "") {
      const reason = "the line is not a sha256 and a file name";
      problems.push(new BundleCorruptError({ path, offset }, reason, COPY_AGAIN));
    }
    offset += line.length + 1;
  }
  return { sums, problems };
}

/** Largest `bundle.json` or `SHA256SUMS` that is read. */
const DOCUMENT_LIMIT_BYTES = 256 * 1024 * 1024;

/** The bytes of `bundle.json` or `SHA256SUMS`. */
export async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path);
    if (size > DOCUMENT_LIMIT_BYTES) {
      throw new BundleCorruptError({ path, offset: 0 }, "it is too large", COPY_AGAIN);
    }
    return await readFile(path);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw storageError(error, path);
  }
}
