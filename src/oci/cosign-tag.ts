import { type Digest, isDigest, parseDigest } from "./digest.ts";

/** What cosign up to version 2 stores beside an image: its signatures, its attestations, its bill of materials. */
export const COSIGN_SUFFIXES = ["sig", "att", "sbom"] as const;

export type CosignSuffix = (typeof COSIGN_SUFFIXES)[number];

export interface CosignTag {
  /** What the tag is about; it need not be there. */
  readonly subject: Digest;
  readonly suffix: CosignSuffix;
}

/** `sha256:ab…`, `sig` → `sha256-ab….sig`. */
export function formatCosignTag({ subject, suffix }: CosignTag): string {
  return `${tagPrefixOf(subject)}${suffix}`;
}

/** How all tags begin that are named after a manifest, by cosign and by others: `sha256:ab…` → `sha256-ab….`. */
export function tagPrefixOf(subject: Digest): string {
  const { algorithm, encoded } = parseDigest(subject);
  return `${algorithm}-${encoded}.`;
}

/** The inverse; undefined for any other tag. */
export function parseCosignTag(tag: string): CosignTag | undefined {
  const [, algorithm, encoded, ending] = /^([a-z0-9]+)-([0-9a-f]+)\.([a-z]+)$/.exec(tag) ?? [];
  const suffix = COSIGN_SUFFIXES.find((known) => known === ending);
  const subject = `${algorithm}:${encoded}`;
  return suffix !== undefined && isDigest(subject) ? { subject, suffix } : undefined;
}
