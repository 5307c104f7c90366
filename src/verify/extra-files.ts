import { createHash } from "node:crypto";
import { join } from "node:path";
import { BundleCorruptError, BundleMissingError } from "../bundle/errors.ts";
import type { BundleListing } from "../bundle/read/bundle-listing.ts";
import { readIfPresent } from "../bundle/read/checksum-file.ts";
import { StorageFailedError } from "../io/errors.ts";
import type { Findings } from "./findings.ts";

const COPY_AGAIN = { hint: "Copy the file again from the source medium" };

/** Compares the files beside the packages with `bundle.json`; they are small. */
export async function checkExtraFiles(
  { directory, manifest }: BundleListing,
  findings: Findings,
): Promise<void> {
  for (const { name, sha256 } of manifest?.extraFiles ?? []) {
    const path = join(directory, name);
    try {
      const bytes = await readIfPresent(path);
      if (!bytes) throw new BundleMissingError(path, "the file is missing", COPY_AGAIN);
      const found = createHash("sha256").update(bytes).digest("hex");
      if (found === sha256) continue;
      const reason = `its sha256 is ${found}, "bundle.json" says ${sha256}`;
      throw new BundleCorruptError({ path, offset: 0 }, reason, COPY_AGAIN);
    } catch (error) {
      if (error instanceof StorageFailedError) throw error;
      findings.add(error);
    }
  }
}
