import { keepLast } from "../bundle/images/bundle-images.ts";
import type { BundledTags } from "../bundle/images/bundled-tags.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import { MirrorError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { bundledManifests, hintOf } from "../trust/bundled-manifests.ts";
import { type AcceptedSignature, checkSignatures } from "../trust/check-signatures.ts";
import { SignatureRefusedError } from "../trust/errors.ts";
import type { SignaturePolicy } from "../trust/policy.ts";
import { baseName, type Findings } from "./findings.ts";

export interface CheckBundledSignaturesOptions {
  readonly reader: BundleReader;
  readonly bundled: BundledTags;
  readonly policy: SignaturePolicy;
  readonly findings: Findings;
}

interface BundledSignatures {
  readonly accepted: readonly AcceptedSignature[];
  readonly notices: readonly Notice[];
}

/** Enters each image that is not signed as it is demanded. */
export async function checkBundledSignatures({
  reader,
  bundled,
  policy,
  findings,
}: CheckBundledSignaturesOptions): Promise<BundledSignatures> {
  const tags = reader.manifest ? bundled.tags : keepLast(bundled.tags);
  try {
    const manifests = bundledManifests(reader, { ...bundled, tags });
    const { refused, ...found } = await checkSignatures(manifests, policy);
    const hint = hintOf(reader);
    for (const one of refused) {
      const error = new SignatureRefusedError([one], hint ? { hint } : {});
      const file = fileOf(reader, bundled, one.digest);
      findings.blame(findings.add(error, { file, digest: one.digest }), one.image);
    }
    return found;
  } catch (error) {
    // What is damaged has been found before, with all that suffers from it
    if (!(error instanceof MirrorError)) throw error;
    if (findings.problems.length === 0) findings.add(error);
    return { accepted: [], notices: [] };
  }
}

/** The file that the list of the image is in. */
function fileOf(reader: BundleReader, { tags, referrers }: BundledTags, digest: string): string {
  const found = [...tags, ...referrers].find(({ root }) => root.digest === digest)?.layout;
  const place = found?.index ?? { package: found?.package ?? 0, offset: 0 };
  return baseName(reader.locate(place).path);
}
