import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { ProcessContext } from "../command.ts";
import { UsageError } from "../usage-error.ts";

type Terminal = Pick<ProcessContext, "stdin" | "stderr" | "signal">;

/** Asks somebody at a terminal, without showing what is typed; undefined where nobody sits. */
export async function askPassword(
  question: string,
  { stdin, stderr, signal }: Terminal,
): Promise<string | undefined> {
  if (!stdin.isTTY) return undefined;
  stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true });
  const givenUp = new AbortController();
  reader.once("SIGINT", () => givenUp.abort()).once("close", () => givenUp.abort());
  try {
    const password = await reader.question("", {
      signal: AbortSignal.any([signal, givenUp.signal]),
    });
    return password === "" ? undefined : password;
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new UsageError("No password was given", { hint: "Run the same command again" });
  } finally {
    reader.close();
    stderr.write("\n");
  }
}
