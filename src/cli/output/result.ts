import type { Writable } from "node:stream";
import type { OutputOptions } from "../options/output.ts";
import type { FlagWords } from "./flag-words.ts";

/** Prints what a command answers: the value as JSON, or the text that people read. */
export function printResult<Value extends object>(
  report: Value,
  {
    stdout,
    result,
    text,
    inFlags,
  }: Pick<OutputOptions, "result"> & {
    readonly stdout: Writable;
    readonly text: (value: Value) => string;
    readonly inFlags: FlagWords;
  },
): void {
  const value = inFlags(report);
  if (result === "text") stdout.write(text(value));
  else stdout.write(formatDocument(value, { type: "result", result }));
}

/** One JSON document; among lines, which are events, it says what it is. */
export function formatDocument(
  value: object,
  { type, result }: { readonly type: "result" | "error"; readonly result: "document" | "lines" },
): string {
  return result === "lines"
    ? `${JSON.stringify({ type, ...value })}\n`
    : `${JSON.stringify(value, null, 2)}\n`;
}
