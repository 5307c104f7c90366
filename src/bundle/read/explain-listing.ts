import { basename, join } from "node:path";
import type { MirrorError } from "../../errors.ts";
import { readdir } from "../../io/file-system.ts";
import { openFile } from "../../io/open-file.ts";
import { readFully } from "../../io/read-range.ts";
import { BLOCK_BYTES } from "../../tar/block.ts";
import { BundleMissingError } from "../errors.ts";
import type { BundleListing } from "./bundle-listing.ts";
import type { FileProblem } from "./listed-package.ts";
import { type Recognised, recogniseBytes, recogniseTwin } from "./recognise.ts";

/** Says of files that are missing, or have another size, what has become of them, where that can be told. */
export async function explainListing(listing: BundleListing): Promise<BundleListing> {
  const { claims, directory, problems } = listing;
  if (problems.length === 0 && claims.problems.length === 0) return listing;
  const names = (await readdir(directory)).sort();
  return {
    ...listing,
    claims: {
      ...claims,
      problems: claims.problems.map(
        (error) => explainMissing(error, { directory, names }) ?? error,
      ),
    },
    problems: await Promise.all(problems.map((one) => explain(one, { directory, names }))),
  };
}

interface Surroundings {
  readonly directory: string;
  readonly names: readonly string[];
}

async function explain(problem: FileProblem, around: Surroundings): Promise<FileProblem> {
  const { file, status, error } = problem;
  if (status === "missing") {
    return { ...problem, error: explainMissing(error, around) ?? error };
  }
  const path = join(around.directory, file);
  const found = recogniseBytes(path, await readHead(path));
  return found ? { ...problem, error: toError(path, found) } : problem;
}

function explainMissing(
  error: MirrorError,
  { directory, names }: Surroundings,
): BundleMissingError | undefined {
  if (!(error instanceof BundleMissingError)) return undefined;
  const name = basename(error.path);
  const found = names.includes(name) ? undefined : recogniseTwin(directory, name, names);
  return found && toError(error.path, found);
}

function toError(path: string, { reason, hint }: Recognised): BundleMissingError {
  return new BundleMissingError(path, reason, { hint });
}

/** The first block of a file, or less. */
export async function readHead(path: string): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const buffer = Buffer.alloc(BLOCK_BYTES);
    return buffer.subarray(0, await readFully(file, buffer, 0, path));
  } finally {
    await file.close();
  }
}
