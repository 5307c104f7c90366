import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { watchSignals } from "../../src/cli/signals.ts";

function watched() {
  const emitter = new EventEmitter();
  const calls: (string | number)[] = [];
  const watch = watchSignals(emitter, {
    end: (name) => calls.push(name, emitter.listenerCount(name)),
    onInterrupt: () => calls.push("interrupted"),
  });
  return { emitter, calls, watch };
}

describe("watchSignals()", () => {
  test.each(["SIGINT", "SIGTERM"])("aborts at the first %s and tells it once", (name) => {
    const { emitter, calls, watch } = watched();
    emitter.emit(name);
    expect(watch.signal.aborted).toBe(true);
    expect(calls).toEqual(["interrupted"]);
  });

  test("leaves the second signal, whichever it is, to the system", () => {
    const { emitter, calls } = watched();
    emitter.emit("SIGINT", "SIGINT");
    emitter.emit("SIGTERM", "SIGTERM");
    expect(calls).toEqual(["interrupted", "SIGTERM", 0]);
  });

  test("leaves the signals alone once it is disposed", () => {
    const { emitter, calls, watch } = watched();
    watch[Symbol.dispose]();
    emitter.emit("SIGINT");
    expect(calls).toEqual([]);
    expect(watch.signal.aborted).toBe(false);
  });
});
