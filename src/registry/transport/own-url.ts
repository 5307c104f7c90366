/**
 * A URL that a registry gave for going on with itself. Behind a proxy that ends TLS a registry may write `http` for its
 * own address: that is read as the scheme and port in use, so nothing is downgraded. Undefined for what is no web address.
 */
export function resolveOwnUrl(text: string, requestUrl: URL): URL | undefined {
  const url = parseUrl(text, requestUrl);
  if (url?.protocol !== "https:" && url?.protocol !== "http:") return undefined;
  // They would become credentials
  if (url.username !== "" || url.password !== "") {
    url.username = "";
    url.password = "";
  }
  const isOwnName = url.hostname === requestUrl.hostname;
  if (requestUrl.protocol === "https:" && url.protocol === "http:" && isOwnName) {
    const portWritten = url.port;
    if (portWritten === "" || portWritten === "80" || portWritten === requestUrl.port) {
      url.protocol = "https:";
      url.port = requestUrl.port;
    }
  }
  return url;
}

function parseUrl(text: string, base: URL): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    // what is no address leads nowhere
    return undefined;
  }
}
