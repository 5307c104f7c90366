import { parentPort } from "node:worker_threads";
import type { ThreadAnswer } from "./request-thread.ts";

/** Makes this thread answer the requests of a `RequestThread`. Errors lose their fields on the way: code and message stay. `transferOf` names the memory that goes with a value instead of being copied. */
export function serveRequests<Request, Value>(
  answer: (request: Request) => Value,
  transferOf: (value: Value) => ArrayBuffer[] = () => [],
): void {
  const tryAnswer = (request: Request): ThreadAnswer<Value> => {
    try {
      return { value: answer(request) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return { message: error instanceof Error ? error.message : String(error), code };
    }
  };
  parentPort?.on("message", (request: Request) => {
    const answered = tryAnswer(request);
    parentPort?.postMessage(answered, "value" in answered ? transferOf(answered.value) : []);
  });
}
