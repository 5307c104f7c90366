import type { Writable } from "node:stream";
import type { OutputOptions } from "../options/output.ts";
import type { FlagWords } from "./flag-words.ts";

/** Prints what a command answers: the value as JSON, or the text that people read. */
export function printResult<Value>(
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
  switch (result) {
    case "lines":
      stdout.write(`${JSON.stringify(value)}\n`);
      return;
    case "document":
      stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      return;
    case "text":
      stdout.write(text(value));
  }
}
