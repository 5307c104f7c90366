import { join } from "node:path";
import { BundleCorruptError, BundleMissingError } from "../bundle/errors.ts";
import { GOST_SUFFIX } from "../bundle/format/format.ts";
import type { BundleListing } from "../bundle/read/bundle-listing.ts";
import type { BundleManifest } from "../bundle/read/bundle-manifest.ts";
import { toBundleError } from "../bundle/read/checksum-file.ts";
import { hasErrorCode } from "../io/errors.ts";
import { openFile } from "../io/open-file.ts";
import type { Findings } from "./findings.ts";
import type { SurveyedFile } from "./survey.ts";

const COPY_AGAIN = { hint: "Copy the file again from the source medium" };

/**
 * The Streebog-256 that each file of a bundle must have, from the `.gostsum` files beside them. What is wrong with those
 * files themselves is entered.
 */
export async function readGostSums(
  { directory, manifest, packages }: BundleListing,
  findings: Findings,
): Promise<ReadonlyMap<string, string>> {
  const claimed = claimedSums(manifest);
  const sums = new Map(claimed);
  for (const { name } of packages.flatMap(({ files, isDirectory }) => (isDirectory ? [] : files))) {
    const path = join(directory, `${name}${GOST_SUFFIX}`);
    const wanted = claimed.get(name);
    const text = await readSum(path, findings);
    if (text === UNREADABLE) continue;
    if (text === undefined) {
      if (wanted !== undefined) {
        findings.add(new BundleMissingError(path, "the file is missing", COPY_AGAIN));
      }
    } else if (!/^[0-9a-f]{64}\s*$/.test(text)) {
      const reason = "it is not a sum of 64 lower-case hex digits";
      findings.add(new BundleCorruptError({ path, offset: 0 }, reason, COPY_AGAIN));
    } else if (wanted !== undefined && wanted !== text.trimEnd()) {
      const reason = `it says ${text.trimEnd()}, "bundle.json" says ${wanted}`;
      findings.add(new BundleCorruptError({ path, offset: 0 }, reason, COPY_AGAIN));
    } else {
      sums.set(name, text.trimEnd());
    }
  }
  return sums;
}

/** Enters each file whose bytes do not have their sum, unless it is known already what is wrong with it. */
export function checkGostSums(
  files: readonly SurveyedFile[],
  wanted: ReadonlyMap<string, string>,
  { directory, findings }: { readonly directory: string; readonly findings: Findings },
): void {
  for (const { name, streebog256 } of files) {
    const sum = wanted.get(name);
    if (sum === undefined || streebog256 === undefined || streebog256 === sum) continue;
    if (findings.isKnown(name)) continue;
    const location = { path: join(directory, name), offset: 0 };
    const reason = `its GOST digest is ${streebog256}, "${name}${GOST_SUFFIX}" says ${sum}`;
    findings.add(new BundleCorruptError(location, reason, COPY_AGAIN));
  }
}

function claimedSums(manifest: BundleManifest | undefined): ReadonlyMap<string, string> {
  const files = (manifest?.packages ?? []).flatMap((item) => item.files);
  return new Map(
    files.flatMap(({ name, streebog256 }) => (streebog256 ? [[name, streebog256]] : [])),
  );
}

const UNREADABLE = Symbol("unreadable");

/** The first bytes of a file, more than a sum has; undefined if there is none. What is no file is entered. */
async function readSum(
  path: string,
  findings: Findings,
): Promise<string | undefined | typeof UNREADABLE> {
  try {
    await using file = await openFile(path);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0);
    return buffer.toString("latin1", 0, bytesRead);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    const known = toBundleError(error, path);
    if (!(known instanceof BundleCorruptError)) throw known;
    findings.add(known);
    return UNREADABLE;
  }
}
