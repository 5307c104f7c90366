import { createHash } from "node:crypto";
import { join } from "node:path";
import { formatCanonicalPieces } from "../bundle/format/canonical-json.ts";
import { BUNDLE_MANIFEST_FILE, CHECKSUM_FILE, GOST_SUFFIX } from "../bundle/format/format.ts";
import { type BundleManifest, hasFileSums } from "../bundle/read/bundle-manifest.ts";
import { compareTexts } from "../compare-texts.ts";
import type { ExtraFile } from "../contents/contents.ts";
import { syncDirectory, writeFileAtomically } from "../io/atomic-write.ts";
import { rm } from "../io/file-system.ts";
import { removeState, type StatePaths } from "./directory/pull-state.ts";

export interface SealedContents {
  readonly manifest: BundleManifest;
  readonly extraFiles?: readonly ExtraFile[] | undefined;
}

/**
 * Makes a bundle out of finished files: the small files beside them, `SHA256SUMS` where they were hashed, then `bundle.json`, whose presence means "complete", then the
 * state goes. Interrupted in between, the next run does it again.
 */
export async function sealBundle(
  bundlePath: string,
  paths: StatePaths,
  { manifest, extraFiles = [] }: SealedContents,
): Promise<void> {
  // Made twice: held whole, it would be as much again as the manifest itself
  const json = () => formatCanonicalPieces(manifest);
  const files = manifest.packages.flatMap((item) => item.files);
  const sums = [
    ...files.map(({ name, sha256 }) => ({ name, sha256 })),
    ...(manifest.extraFiles ?? []),
    ...files.flatMap(({ name, streebog256 }) =>
      streebog256 ? [{ name: `${name}${GOST_SUFFIX}`, sha256: sha256Of([streebog256]) }] : [],
    ),
    { name: BUNDLE_MANIFEST_FILE, sha256: sha256Of(json()) },
  ];
  const lines = sums
    .sort((left, right) => compareTexts(left.name, right.name))
    .map(({ name, sha256 }) => `${sha256}  ${name}\n`);
  for (const { name, text } of extraFiles) await writeFileAtomically(join(bundlePath, name), text);
  const sumsPath = join(bundlePath, CHECKSUM_FILE);
  if (hasFileSums(manifest)) await writeFileAtomically(sumsPath, lines.join(""));
  // Those of another bundle would accuse this one
  else await rm(sumsPath, { force: true });
  await writeFileAtomically(join(bundlePath, BUNDLE_MANIFEST_FILE), json());
  await removeState(paths);
  await rm(paths.directory, { recursive: true, force: true });
  await syncDirectory(bundlePath);
}

function sha256Of(pieces: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}
