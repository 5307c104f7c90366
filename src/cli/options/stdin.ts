import type { Readable } from "node:stream";
import { decodeText } from "../../index.ts";
import { UsageError } from "../usage-error.ts";

/** Longer than any token, short enough not to be an image by mistake. */
const SECRET_LIMIT_BYTES = 64 * 1024;

/** Reads a password or token to the end of stdin; one line break at its end is not part of it. */
export async function readSecret(stdin: Readable): Promise<string> {
  const text = (await readText(stdin, SECRET_LIMIT_BYTES)).replace(/\r?\n$/, "");
  if (text === "") {
    throw new UsageError("Cannot read the secret: stdin is empty", {
      hint: "Pipe it in, for example with <password.txt at the end of the command",
    });
  }
  return text;
}

/** Reads all of stdin as text, also what PowerShell pipes into it as UTF-16 or with a mark at its start; throws `UsageError` above the limit. */
export async function readText(stdin: Readable, limitBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > limitBytes) {
      throw new UsageError(`Cannot read stdin: it is longer than ${limitBytes} bytes`);
    }
    chunks.push(bytes);
  }
  return decodeText(Buffer.concat(chunks));
}
