import { MirrorError } from "../../errors.ts";
import type { OperationOptions } from "../../store/store.ts";
import { type SalvageOptions, salvageTar } from "../../tar/salvage.ts";
import type { ScannedEntry } from "../../tar/scan.ts";
import { sliceByFile } from "../format/chunk-plan.ts";
import type { PackageFile } from "../package-file.ts";

/** Where the files of a package begin in it, its end last; and how much of each is on the medium. */
export interface Extent {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
}

export interface SalvagePackageOptions
  extends Extent,
    OperationOptions,
    Pick<SalvageOptions, "accepts" | "isLenient" | "onDamage"> {}

/** The entries of a package, also behind what is damaged, missing or not readable. */
export function salvagePackage(
  file: PackageFile,
  { starts, sizes, accepts, isLenient = false, onDamage, signal }: SalvagePackageOptions,
): AsyncIterable<ScannedEntry> {
  const readable = [...sizes];
  return salvageTar({
    size: starts.at(-1) ?? 0,
    read: (position, length) => {
      signal?.throwIfAborted();
      return readTolerantly(file, { position, length }, { starts, sizes: readable });
    },
    skipGap: (position) => skipGap(position, { starts, sizes: readable }),
    accepts,
    isLenient,
    onDamage,
  });
}

/** Bytes up to the first that cannot be read: a file that is missing or short, a bad sector. */
async function readTolerantly(
  file: PackageFile,
  { position, length }: { readonly position: number; readonly length: number },
  { starts, sizes }: { readonly starts: readonly number[]; readonly sizes: number[] },
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let filled = 0;
  for (const slice of sliceByFile({ start: position, end: position + length }, starts)) {
    const available = Math.max((sizes[slice.file] ?? 0) - slice.offset, 0);
    const wanted = Math.min(slice.length, available);
    try {
      const part = buffer.subarray(filled, filled + wanted);
      const found = wanted > 0 ? await file.read(position + filled, part) : 0;
      filled += found;
      if (found < wanted) sizes[slice.file] = slice.offset + found;
      if (found < slice.length) break;
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      sizes[slice.file] = slice.offset;
      break;
    }
  }
  return buffer.subarray(0, filled);
}

function skipGap(position: number, { starts, sizes }: Extent): number {
  for (const [chunk, size] of sizes.entries()) {
    const start = starts[chunk] ?? 0;
    if (position < start + size) return Math.max(position, start);
  }
  return starts.at(-1) ?? 0;
}
