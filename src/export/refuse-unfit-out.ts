import { basename, dirname } from "node:path";
import { BUNDLE_MANIFEST_FILE, CHECKSUM_FILE, parsePackageFile } from "../bundle/format/format.ts";
import { readIntactManifest } from "../bundle/read/bundle-manifest.ts";
import { OptionInvalidError } from "../errors.ts";
import { hasErrorCode } from "../io/errors.ts";
import { stat } from "../io/file-system.ts";

/**
 * Refuses, before anything is read, a file that must not be written over: a directory, a device or a pipe, whose name the new
 * file would take, and what belongs to a bundle that is exported.
 */
export async function refuseUnfitOut(out: string, bundlePaths: readonly string[]): Promise<void> {
  const refuse = (reason: string, hint: string) => {
    throw new OptionInvalidError("out", reason, { hint });
  };
  const found = await identityOf(out);
  if (found === undefined) return;
  const { isDirectory, isFile } = found;
  if (isDirectory) refuse(`"${out}" is a directory`, "Name the file that is to be written");
  if (!isFile) refuse(`"${out}" is no file`, "Name a file, and read it when it is complete");
  for (const path of bundlePaths) {
    if (await belongsTo(path, out, found.key)) {
      refuse(`"${out}" belongs to "${path}", which is exported`, "Name another file");
    }
  }
}

async function belongsTo(bundlePath: string, out: string, key: string): Promise<boolean> {
  if ((await identityOf(bundlePath))?.key === key) return true;
  const name = basename(out);
  const own = (await identityOf(dirname(out)))?.key;
  if (own === undefined || own !== (await identityOf(bundlePath))?.key) return false;
  if (name === BUNDLE_MANIFEST_FILE || name === CHECKSUM_FILE) return true;
  const manifest = await readIntactManifest(bundlePath);
  if (manifest === undefined) return parsePackageFile(name) !== undefined;
  return manifest.packages.some(({ files }) => files.some((file) => file.name === name));
}

/** What a path leads to, behind links; undefined if it leads nowhere. */
async function identityOf(path: string) {
  try {
    const found = await stat(path, { bigint: true });
    return {
      key: `${found.dev}:${found.ino}`,
      isDirectory: found.isDirectory(),
      isFile: found.isFile(),
    };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
