/**
 * A URL as it may be shown: without user name and password, and with every query value blanked that could be a
 * secret. Presigned storage URLs carry their signature in the query, so only harmless names are kept.
 */
export function redactUrl(url: URL): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  for (const name of new Set(shown.searchParams.keys())) {
    if (!HARMLESS.has(name.toLowerCase())) shown.searchParams.set(name, "REDACTED");
  }
  return shown.href;
}

const HARMLESS: ReadonlySet<string> = new Set([
  "artifacttype",
  "digest",
  "from",
  "last",
  "mount",
  "n",
  "ns",
  "scope",
  "service",
  "tag",
]);
