/**
 * A URL as it may be shown: without user name and password, and with every query value blanked that could be a
 * secret. Presigned storage URLs carry their signature in the query, so only harmless names are kept.
 */
export function redactUrl(url: URL): string {
  const { search, hash, username, password, href } = url;
  // Most have nothing to hide, and each request shows its own
  if (search === "" && hash === "" && username === "" && password === "") return href;
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  for (const name of new Set(shown.searchParams.keys())) {
    if (!HARMLESS.has(name.toLowerCase())) shown.searchParams.set(name, "REDACTED");
  }
  return shown.href;
}

/** The same for the queries of URLs that stand in a text. */
export function redactQueries(text: string): string {
  return text.replace(/([?&]([\w.-]+)=)[^&\s"'<>]+/g, (whole, start: string, name: string) =>
    HARMLESS.has(name.toLowerCase()) ? whole : `${start}REDACTED`,
  );
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
