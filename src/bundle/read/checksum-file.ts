import { join } from "node:path";
import { hasErrorCode, storageError, UnfitFileError } from "../../io/errors.ts";
import { readLimited } from "../../io/read-file.ts";
import { BundleCorruptError } from "../errors.ts";
import { CHECKSUM_FILE } from "../format/format.ts";
import { recogniseText, restoreText } from "./recognise.ts";

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
  if (!bytes) return undefined;
  const changed = recogniseText(path, bytes);
  const checksums = parseChecksums(restoreText(bytes).toString("latin1"), path);
  if (!changed) return checksums;
  const { reason, hint } = changed;
  const problem = new BundleCorruptError({ path, offset: 0 }, reason, { hint });
  return { ...checksums, problems: [problem, ...checksums.problems] };
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

/** The bytes of a small file of a bundle; undefined if there is none. */
export async function readIfPresent(
  path: string,
  limit = DOCUMENT_LIMIT_BYTES,
): Promise<Buffer | undefined> {
  try {
    return await readLimited(path, limit);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw toBundleError(error, path);
  }
}

/** What stands in the place of a file, or is larger than one can be, is damage of the bundle and not of the medium. */
export function toBundleError(error: unknown, path: string): unknown {
  if (!(error instanceof UnfitFileError)) return storageError(error, path);
  const { reason, hint } = error;
  return new BundleCorruptError({ path, offset: 0 }, reason, { hint, cause: error });
}
