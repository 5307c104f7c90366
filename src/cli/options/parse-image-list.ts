/** One image per line; blank lines and everything from a `#` that starts a line or follows a space are left out. */
export function parseImageList(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .flatMap((line) => line.replace(/(^|\s)#.*$/, "").trim() || []);
}
