import { parentPort, workerData } from "node:worker_threads";
import { apiHostOf } from "../transport/endpoint-scheme.ts";
import { openBlobTransport } from "../wire/open-transport.ts";
import { copyError } from "./copied-error.ts";
import type { CallName, FromThread, ThreadCalls, ToThread } from "./messages.ts";
import { ThreadExchanges } from "./thread-exchanges.ts";
import type { ThreadSettings } from "./thread-settings.ts";

// A thread that moves bytes between connections and files; what is asked for, and whether again, is decided elsewhere.

const settings = workerData as ThreadSettings;
const registries = new Set<string>();
const post = (message: FromThread, memory: ArrayBuffer[] = []) =>
  parentPort?.postMessage(message, memory);
const exchanges = new ThreadExchanges({
  transport: openBlobTransport({
    ...settings,
    apiHostOf,
    isRegistry: (host) => registries.has(host),
    warn: (code, message) => post({ type: "warn", code, message }),
  }),
  registries,
  post,
});

parentPort?.on("message", (message: ToThread) => {
  if (message.type === "abort") return exchanges.abort(message.exchange);
  const { call } = message;
  answer(message.type, message.wish).then(
    (value) => post({ type: "result", call, value }),
    (error) => post({ type: "failure", call, error: copyError(error) }),
  );
});

async function answer<Name extends CallName>(
  name: Name,
  wish: ThreadCalls[Name]["wish"],
): Promise<unknown> {
  const act = exchanges[name] as (wish: ThreadCalls[Name]["wish"]) => unknown;
  return await act.call(exchanges, wish);
}
