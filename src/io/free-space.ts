import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { hasErrorCode } from "./errors.ts";

/** `f_type` of Linux's vfat (statfs(2)); other systems do not tell. */
const MSDOS_SUPER_MAGIC = 0x4d44;

/** `f_type` of file systems of Linux on which what was never written takes no room: ext, XFS, Btrfs, tmpfs, F2FS, ZFS, overlay. */
const SPARSE_MAGICS: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x01021994, 0xf2f52010, 0x2fc12fc1, 0x794c7630,
]);

export interface FileSystem {
  readonly freeBytes: number;
  /** Largest file it can hold, where that is known and matters. */
  readonly fileLimitBytes?: number;
  /** Whether files are known to take no room for what was never written in them. */
  readonly isSparse: boolean;
}

/** FAT32 stores a file's size in 32 bits. */
const FAT32_FILE_LIMIT_BYTES = 2 ** 32 - 1;

/** Looks at the file system of a path that may not exist yet; undefined where the system does not answer. */
export async function readFileSystem(path: string): Promise<FileSystem | undefined> {
  try {
    const { bavail, bsize, type } = await statfs(path);
    return {
      freeBytes: bavail * bsize,
      isSparse: SPARSE_MAGICS.has(type),
      ...(type === MSDOS_SUPER_MAGIC ? { fileLimitBytes: FAT32_FILE_LIMIT_BYTES } : {}),
    };
  } catch (error) {
    const parent = dirname(path);
    return hasErrorCode(error, "ENOENT") && parent !== path ? readFileSystem(parent) : undefined;
  }
}
