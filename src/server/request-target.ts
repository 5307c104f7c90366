export interface RequestTarget {
  /** Decoded, with one slash between segments and none at the end but that of `/`. */
  readonly path: string;
  readonly query: URLSearchParams;
}

/**
 * Parses what a request line asks for. Clients are given addresses of mirrors with a slash at the end and put one of their own
 * behind it, and those that take the mirror for a proxy write all of the address (RFC 9112, section 3.2.2).
 */
export function parseRequestTarget(target: string): RequestTarget {
  const relative = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const [path = "", ...queries] = relative.split("?");
  const plain = decodePath(path).replace(/\/{2,}/g, "/");
  return {
    path: plain.length > 1 ? plain.replace(/\/$/, "") : plain || "/",
    query: new URLSearchParams(queries.join("?")),
  };
}

/** What is not encoded as it should be is no name of anything, and refused as such. */
function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
