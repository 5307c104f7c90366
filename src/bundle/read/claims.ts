import { createHash } from "node:crypto";
import { join } from "node:path";
import type { MirrorError } from "../../errors.ts";
import { BundleCorruptError, BundleMissingError } from "../errors.ts";
import { BUNDLE_MANIFEST_FILE, CHECKSUM_FILE } from "../format/format.ts";
import { type BundleManifest, hasFileSums, parseBundleManifest } from "./bundle-manifest.ts";
import { type Checksums, COPY_AGAIN, readChecksums, readIfPresent } from "./checksum-file.ts";
import { recogniseText } from "./recognise.ts";

/** What a bundle says about itself. */
export interface Claims {
  /** Missing if there is none, or none that can be believed. */
  readonly manifest?: BundleManifest;
  /** What each file must hash to; empty for a bundle of another program. */
  readonly sha256: ReadonlyMap<string, string>;
  readonly problems: readonly MirrorError[];
}

export const NO_CLAIMS: Claims = { sha256: new Map(), problems: [] };

/**
 * Reads `bundle.json` and `SHA256SUMS`, which say the same and vouch for each other. A `bundle.json` whose hash is not
 * the listed one is not used: what it claims would be reported as damage of files that have none.
 */
export async function readClaims(directory: string): Promise<Claims> {
  const paths = {
    manifest: join(directory, BUNDLE_MANIFEST_FILE),
    sums: join(directory, CHECKSUM_FILE),
  };
  const unfit: BundleCorruptError[] = [];
  const noteUnfit = (error: unknown) => {
    if (!(error instanceof BundleCorruptError)) throw error;
    unfit.push(error);
  };
  const [json, checksums] = await Promise.all([
    readIfPresent(paths.manifest).catch(noteUnfit),
    readChecksums(directory).catch(noteUnfit),
  ]);
  if (unfit.length > 0) return { sha256: checksums?.sums ?? new Map(), problems: unfit };
  return compareClaims(paths, json ?? undefined, checksums ?? undefined);
}

function compareClaims(
  paths: ClaimPaths,
  json: Buffer | undefined,
  checksums: Checksums | undefined,
): Claims {
  if (!checksums) return json ? withoutSums(json, paths) : NO_CLAIMS;
  const { sums, problems } = checksums;
  if (!json) {
    const isExpected = sums.has(BUNDLE_MANIFEST_FILE);
    const missing = new BundleMissingError(paths.manifest, "the file is missing", COPY_AGAIN);
    return { sha256: sums, problems: isExpected ? [...problems, missing] : problems };
  }
  const found = createHash("sha256").update(json).digest("hex");
  const listed = sums.get(BUNDLE_MANIFEST_FILE);
  if (listed !== undefined && listed !== found) {
    const { reason, hint } = recogniseText(paths.manifest, json) ?? {
      reason: `its sha256 is ${found}, "${CHECKSUM_FILE}" says ${listed}: one of the two is damaged`,
      ...COPY_AGAIN,
    };
    const damaged = new BundleCorruptError({ path: paths.manifest, offset: 0 }, reason, { hint });
    return { sha256: sums, problems: [...problems, damaged] };
  }
  return believe(json, { paths, sums, problems });
}

interface ClaimPaths {
  readonly manifest: string;
  readonly sums: string;
}

function withoutSums(json: Buffer, paths: ClaimPaths): Claims {
  const claims = believe(json, { paths, problems: [] });
  // It was made without sums
  if (claims.manifest && !hasFileSums(claims.manifest)) return claims;
  const missing = new BundleMissingError(paths.sums, "the file is missing", COPY_AGAIN);
  return { ...claims, problems: [missing, ...claims.problems] };
}

interface Evidence {
  readonly paths: ClaimPaths;
  readonly sums?: ReadonlyMap<string, string>;
  readonly problems: readonly MirrorError[];
}

function believe(json: Buffer, { paths, sums, problems }: Evidence): Claims {
  let manifest: BundleManifest;
  try {
    manifest = parseBundleManifest(json, paths.manifest);
  } catch (error) {
    if (!(error instanceof BundleCorruptError)) throw error;
    const changed = recogniseText(paths.manifest, json);
    const { location } = error;
    const problem = changed ? new BundleCorruptError(location, changed.reason, changed) : error;
    return { sha256: sums ?? new Map(), problems: [...problems, problem] };
  }
  const files = [
    ...manifest.packages.flatMap((item) => item.files),
    ...(manifest.extraFiles ?? []),
  ];
  const sha256 = new Map(
    files.flatMap(({ name, sha256: sum }) => (sum === undefined ? [] : [[name, sum] as const])),
  );
  // An unreadable line is known already, and what it should have said is missing
  if (!sums || problems.length > 0) return { manifest, sha256, problems };
  const wrong = [...sha256].filter(([name, wanted]) => sums.get(name) !== wanted);
  const names = wrong.map(([name]) => name);
  if (!sums.has(BUNDLE_MANIFEST_FILE)) names.push(BUNDLE_MANIFEST_FILE);
  if (names.length === 0) return { manifest, sha256, problems };
  const reason = `it does not have the sha256 of ${names.map((name) => `"${name}"`).join(", ")}`;
  const damaged = new BundleCorruptError({ path: paths.sums, offset: 0 }, reason, COPY_AGAIN);
  return { manifest, sha256, problems: [damaged] };
}
