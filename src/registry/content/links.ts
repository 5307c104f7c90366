import { headerValues, type ResponseHeaders } from "../transport/headers.ts";

/** Target of the `Link` with `rel="next"`, as text. */
export function nextLinkOf(headers: ResponseHeaders): string | undefined {
  const text = headerValues(headers, "link").join(", ");
  for (const [, target, parameters = ""] of text.matchAll(/<([^>]*)>((?:\s*;[^,<]*)*)/g)) {
    if (/;\s*rel\s*=\s*"?next"?/i.test(parameters)) return target;
  }
  return undefined;
}

/**
 * A URL that a registry gave for going on with itself. Behind a proxy that ends TLS a registry may write `http` for its
 * own address: that is read as the scheme and port in use, so nothing is downgraded.
 */
export function resolveOwnUrl(text: string, requestUrl: URL): URL | undefined {
  if (!URL.canParse(text, requestUrl.href)) return undefined;
  const url = new URL(text, requestUrl);
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  url.username = "";
  url.password = "";
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
