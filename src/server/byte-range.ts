/** Bytes from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses the `Range` header of a request for content of `size` bytes. Units and lists of ranges that are not supported
 * mean "everything", as RFC 9110, section 14.2 allows.
 */
export function parseByteRange(
  header: string | undefined,
  size: number,
): ByteRange | "everything" | "unsatisfiable" {
  const match = /^bytes=\s*(\d*)-(\d*)$/i.exec(header?.trim() ?? "");
  const [, first = "", last = ""] = match ?? [];
  if (match === null || (first === "" && last === "")) return "everything";
  const start = first === "" ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === "" || last === "" ? size : Math.min(Number(last) + 1, size);
  return start < end ? { start, end } : "unsatisfiable";
}
