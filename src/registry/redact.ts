/**
 * A URL as it may be shown: without user name and password, and with every query value blanked that could be a
 * secret. Presigned storage URLs carry their signature in the query, so only harmless names are kept.
 */
export function redactUrl(url: URL): string {
  if (url.hash === "" && url.username === "" && url.password === "") return redactSearch(url);
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  shown.hash = "";
  return redactSearch(shown);
}

/** Each request shows its own: the text is cut, which takes less than a list of parameters. */
function redactSearch({ href, search }: URL): string {
  if (search === "") return href;
  const shown = search.slice(1).split("&").map(redactParameter);
  return `${href.slice(0, -search.length)}?${shown.join("&")}`;
}

/** Names that are written in an odd way are not known to be harmless. */
function redactParameter(parameter: string): string {
  const end = parameter.indexOf("=");
  const name = end < 0 ? parameter : parameter.slice(0, end);
  return parameter === "" || HARMLESS.has(name.toLowerCase()) ? parameter : `${name}=REDACTED`;
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
