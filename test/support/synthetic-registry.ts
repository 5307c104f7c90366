import { fileURLToPath } from "node:url";
import { type RunningProcess, startProcess } from "./run-process.ts";

export interface SyntheticContent {
  /** Images with layers of their own, each of so many bytes: `many:v1.0.<n>`. */
  readonly images?: number;
  readonly layers?: number;
  readonly bytes?: number;
  /** Bytes of the one layer of `zeros:v1`. */
  readonly zeros?: number;
  /** Who asks for all of that layer gets no more than about so many bytes, and waits. */
  readonly pause?: number;
}

export interface SyntheticRegistry extends AsyncDisposable {
  readonly host: string;
  /** Requests so far by method and kind: `GET blob`. */
  count(what: string): Promise<number>;
}

/** Starts `synthetic-registry.mjs` in a process of its own. */
export async function startSyntheticRegistry(
  content: SyntheticContent,
): Promise<SyntheticRegistry> {
  const script = fileURLToPath(new URL("synthetic-registry.mjs", import.meta.url));
  const words = Object.entries(content).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const running: RunningProcess = await startProcess(process.execPath, [script, ...words]);
  const [, host = ""] = await running.waitFor(/listening on (\S+)/);
  return {
    host,
    async count(what) {
      const answer = await fetch(`http://${host}/counts`);
      const { counts } = (await answer.json()) as { counts: Record<string, number> };
      return counts[what] ?? 0;
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}
