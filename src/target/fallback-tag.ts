/** The tag of an index of referrers: `sha256-ab…` (distribution-spec, "Referrers Tag Schema"). */
export function isFallbackTag(tag: string): boolean {
  return /^sha\d{3}-[0-9a-f]{64}$/.test(tag);
}
