import type { Writable } from "node:stream";
import type { OutputOptions } from "../options/output.ts";

/** Prints what a command answers: the value as JSON, or the text that people read. */
export function printResult(
  value: unknown,
  {
    stdout,
    result,
    text,
  }: Pick<OutputOptions, "result"> & {
    readonly stdout: Writable;
    readonly text: () => string;
  },
): void {
  switch (result) {
    case "lines":
      stdout.write(`${JSON.stringify(value)}\n`);
      return;
    case "document":
      stdout.write(`${JSON.stringify(value, null, 2)}\n`);
      return;
    case "text":
      stdout.write(text());
  }
}
