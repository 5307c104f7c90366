import { StringDecoder } from "node:string_decoder";
import { readFrom } from "./file-system.ts";
import { JsonLinesReader } from "./json-lines.ts";

/** What `formatJsonLines` has written to a file, or any JSON of one line; throws `SyntaxError` for what cannot be read. */
export async function readJsonLines(path: string): Promise<unknown> {
  const reader = new JsonLinesReader();
  const decoder = new StringDecoder("utf8");
  for await (const bytes of readFrom(path, 0)) reader.push(decoder.write(bytes));
  return reader.end();
}
