import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { hasErrorCode, storageError } from "./errors.ts";
import { WRITE_ANEW } from "./file-system.ts";
import { openFile, refuseOtherKind } from "./open-file.ts";

export interface AtomicWriteOptions {
  /**
   * For a file of secrets that other programs replace too: readable by its owner only, and made under a name that
   * nobody else uses.
   */
  readonly isPrivate?: boolean | undefined;
}

/** Replaces a file so that a reader, or the next run after a power cut, sees the old bytes or the new ones; pieces are written one after the other. */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array | string | Iterable<string>,
  { isPrivate = false }: AtomicWriteOptions = {},
): Promise<void> {
  // a fixed name is written over by the next run, so an interrupted one leaves nothing for long
  const temporary = isPrivate ? `${path}.${randomBytes(6).toString("hex")}.tmp` : `${path}.tmp`;
  const [flags, mode] = isPrivate ? [WRITE_ANEW | constants.O_EXCL, 0o600] : [WRITE_ANEW, 0o644];
  refuseOtherKind(path);
  try {
    const file = await openFile(temporary, flags, mode);
    try {
      const isWhole = typeof bytes === "string" || bytes instanceof Uint8Array;
      // Goes on where the last piece ends
      for (const piece of isWhole ? [bytes] : bytes) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw storageError(error, path);
  }
}

/** What says that names may be lost: the medium is gone, ill or full. Systems refuse what they have not in other words. */
const LOSSES = [
  ...["EIO", "EREMOTEIO", "ENODEV", "ENXIO", "ENOMEDIUM", "ESTALE", "EUCLEAN", "EBADMSG"],
  ...["ENOSPC", "EDQUOT"],
];

/** Makes created, renamed and removed names of a directory durable; systems that cannot open or sync directories skip it. */
export async function syncDirectory(path: string): Promise<void> {
  const pass = (error: unknown) => {
    if (hasErrorCode(error, ...LOSSES)) throw storageError(error, path);
  };
  const directory = await open(path, "r").catch(pass);
  if (!directory) return;
  try {
    // Windows and some network file systems cannot
    await directory.sync().catch(pass);
  } finally {
    await directory.close();
  }
}
