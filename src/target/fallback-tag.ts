/** The tag of an index of referrers: `sha256-ab…` (distribution-spec, "Referrers Tag Schema"). */
export function isFallbackTag(tag: string): boolean {
  return /^sha\d{3}-[0-9a-f]{64}$/.test(tag);
}

/** `sha256:ab…` → `sha256-ab…`; long digests are cut. */
export function fallbackTagOf(digest: string): string {
  const [algorithm = "", encoded = ""] = digest.split(":");
  return `${algorithm}-${encoded.slice(0, 64)}`;
}
