/**
 * Text of a file. A mark at its start says how it is written, and is no part of it: PowerShell and editors of Windows write
 * UTF-16, and UTF-8 with such a mark.
 */
export function decodeText(bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  return new TextDecoder().decode(bytes);
}
