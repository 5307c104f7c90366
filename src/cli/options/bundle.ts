import { parseByteSize } from "../../index.ts";
import { userCacheDirectory } from "../user-cache-directory.ts";
import type { FlagTable, FlagValues } from "./flag.ts";

/** What is listed below the packages: nothing, what has a name, or every image. */
export type Listing = "packages" | "versions" | "images";

/** How the bundle is written. */
export const BUNDLE_FLAGS = {
  "images-bundle-chunk-size": {
    type: "string",
    alias: "c",
    describe: "Largest file: a number of GB, or 700MB, 3.5GiB; FAT32 takes 4GB (default: no limit)",
    group: "Bundle:",
  },
  force: {
    type: "boolean",
    describe: "Replace a complete bundle, using again what is the same",
    group: "Bundle:",
  },
  "no-pull-resume": {
    type: "boolean",
    describe: "Drop what an unfinished pull left, and start over",
    group: "Bundle:",
  },
  "dry-run": {
    type: "boolean",
    describe: "Only print what would be pulled",
    group: "Bundle:",
  },
  "verbose-summary": {
    type: "boolean",
    describe: "List all images at the end, also those that only digests name",
    group: "Bundle:",
  },
  summary: {
    type: "boolean",
    describe: "List only packages, also in a plan",
    group: "Bundle:",
  },
  "tmp-dir": {
    type: "string",
    describe: "Accepted for compatibility: nothing is written there",
    group: "Bundle:",
  },
  "cache-dir": {
    type: "string",
    describe:
      "Where what was read for a plan is kept for later runs (default: mirror in the user's cache)",
    group: "Bundle:",
  },
  "no-cache": {
    type: "boolean",
    describe: "Keep nothing for later runs",
    group: "Bundle:",
  },
  "no-checksums": {
    type: "boolean",
    describe: "Leave out SHA256SUMS and the sums of files in bundle.json: faster, blobs are hashed",
    group: "Bundle:",
  },
  "gost-digest": {
    type: "boolean",
    describe: "Write the GOST R 34.11-2012 digest of each file beside it (NAME.gostsum)",
    group: "Bundle:",
  },
} as const satisfies FlagTable;

export interface BundleOptions {
  readonly chunkSizeBytes?: number;
  readonly force: boolean;
  readonly resume: boolean;
  readonly gostDigest?: true;
  readonly checksums?: false;
}

export function toBundleOptions(flags: FlagValues<typeof BUNDLE_FLAGS>): BundleOptions {
  const text = flags["images-bundle-chunk-size"];
  const isSplit = text !== undefined && !/^0+(?:\.0*)?$/.test(text);
  return {
    ...(isSplit
      ? { chunkSizeBytes: parseByteSize(text, { defaultUnit: "GB", option: "chunkSizeBytes" }) }
      : {}),
    force: flags.force ?? false,
    resume: !(flags["no-pull-resume"] ?? false),
    ...(flags["gost-digest"] ? { gostDigest: true } : {}),
    ...(flags["no-checksums"] ? { checksums: false } : {}),
  };
}

/** What is listed at the end: `usual` unless flags say otherwise. */
export function toListing(flags: FlagValues<typeof BUNDLE_FLAGS>, usual: Listing): Listing {
  if (flags["verbose-summary"]) return "images";
  return flags.summary ? "packages" : usual;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function toCacheOptions(
  flags: FlagValues<typeof BUNDLE_FLAGS>,
  env: Environment,
): { readonly cacheDirectory?: string } {
  if (flags["no-cache"]) return {};
  if (flags["cache-dir"] !== undefined) return { cacheDirectory: flags["cache-dir"] };
  const base = userCacheDirectory(env);
  return base ? { cacheDirectory: base } : {};
}
