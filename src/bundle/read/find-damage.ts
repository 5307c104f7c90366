import { join } from "node:path";
import { hasErrorCode, StorageFailedError } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";
import type { OperationOptions } from "../../store/store.ts";
import { FileHasher } from "../file-hasher.ts";
import { BUNDLE_MANIFEST_FILE } from "../format/format.ts";
import type { BundleFile } from "./bundle-manifest.ts";
import { readClaims } from "./claims.ts";

/**
 * What is wrong with the files of a complete bundle, by their sizes and, where it has them, hashes: the reason of the first thing found.
 * Undefined: every file is as `bundle.json` says.
 */
export async function findDamage(
  directory: string,
  { signal }: OperationOptions = {},
): Promise<string | undefined> {
  const { manifest, problems } = await readClaims(directory);
  const [problem] = problems;
  if (problem) return problem.message;
  if (!manifest) return `"${BUNDLE_MANIFEST_FILE}" is missing`;
  const { packages, extraFiles = [] } = manifest;
  const files = [...packages.flatMap((one) => one.files), ...extraFiles];
  const totalBytes = files.reduce((sum, { size }) => sum + size, 0);
  await using hasher = new FileHasher({ totalBytes });
  for (const [id, file] of files.entries()) {
    signal?.throwIfAborted();
    const reason = await findFault(join(directory, file.name), file, { id, hasher });
    if (reason !== undefined) return `"${file.name}" ${reason}`;
  }
  return undefined;
}

async function findFault(
  path: string,
  { size, sha256 }: BundleFile,
  { id, hasher }: { readonly id: number; readonly hasher: FileHasher },
): Promise<string | undefined> {
  try {
    const found = (await stat(path)).size;
    if (found !== size) return `has ${found} bytes instead of ${size}`;
    // Only its contents have digests: `verify` reads them
    if (sha256 === undefined) return undefined;
    const hashes = await hasher.finish(id, path, size);
    return hashes.sha256 === sha256 ? undefined : "does not have its sha256";
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return "is missing";
    // A bad sector is damage too; what else a disk refuses is not about the bundle
    if (error instanceof StorageFailedError && hasErrorCode(error, "EIO")) return "cannot be read";
    throw error;
  }
}
