import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { syncDirectory } from "../io/atomic-write.ts";
import { hasErrorCode, storageError } from "../io/errors.ts";
import { mkdir, readFrom, rename, rm, stat, WRITE_ANEW } from "../io/file-system.ts";
import { openFile } from "../io/open-file.ts";
import { compressed } from "./compress.ts";
import type { ExportOptions, ExportReport } from "./export-options.ts";
import { PARTIAL } from "./fresh-directory.ts";
import type { ExportPlan } from "./plan-export.ts";
import { readTar } from "./read-tar.ts";

type Written = Required<Pick<ExportReport, "bytes" | "isWritten" | "sha256">>;

/**
 * Writes the tar in one pass. A file that has these bytes already is not touched: k3s imports an archive again when its time has changed.
 */
export async function writeArchive(
  plan: ExportPlan,
  { out, compress, signal }: Pick<ExportOptions, "out" | "compress" | "signal">,
): Promise<Written> {
  const partial = `${out}${PARTIAL}`;
  await mkdir(dirname(out), { recursive: true });
  try {
    const tar = readTar(plan, { signal });
    const { bytes, sha256 } = await writeHashed(
      partial,
      compress ? compressed(tar, compress) : tar,
    );
    const isWritten = (await hashOf(out, bytes)) !== sha256;
    if (isWritten) await rename(partial, out);
    await syncDirectory(dirname(out));
    return { bytes, sha256, isWritten };
  } finally {
    await rm(partial, { force: true });
  }
}

async function writeHashed(path: string, content: AsyncIterable<Buffer>) {
  const hash = createHash("sha256");
  let bytes = 0;
  const file = await openFile(path, WRITE_ANEW);
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      bytes += chunk.length;
      await file.writeFile(chunk).catch(failing(path));
    }
    await file.sync().catch(failing(path));
  } finally {
    await file.close();
  }
  return { bytes, sha256: hash.digest("hex") };
}

function failing(path: string) {
  return (error: unknown): never => {
    throw storageError(error, path);
  };
}

/** Of the file that is there; none if there is no file or it is of another size. */
async function hashOf(path: string, size: number): Promise<string | undefined> {
  try {
    if ((await stat(path)).size !== size) return undefined;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
  const hash = createHash("sha256");
  for await (const chunk of readFrom(path, 0)) hash.update(chunk);
  return hash.digest("hex");
}
