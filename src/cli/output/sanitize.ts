/** C0 and C1 controls, and the characters that reverse the direction of text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the subject
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g;

/** Text of a server, a bundle or a user as one harmless line for a terminal. */
export function sanitize(text: string): string {
  return text.replace(UNPRINTABLE, " ");
}

/** Shortens in the middle: both ends of a name or digest carry meaning. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.ceil((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** `sha256:44136fa3…` → `44136fa355b3`. */
export function shortDigest(digest: string): string {
  return sanitize(digest.slice(digest.indexOf(":") + 1)).slice(0, 12);
}
