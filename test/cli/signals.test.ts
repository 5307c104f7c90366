import { EventEmitter } from "node:events";
import { describe, expect, test } from "vitest";
import { watchSignals } from "../../src/cli/signals.ts";

function watched() {
  const emitter = new EventEmitter();
  const calls: (string | number)[] = [];
  const watch = watchSignals(emitter, {
    exit: (status) => calls.push(status),
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

  test("exits with 130 at the second signal, whichever it is", () => {
    const { emitter, calls } = watched();
    emitter.emit("SIGINT");
    emitter.emit("SIGTERM");
    expect(calls).toEqual(["interrupted", 130]);
  });

  test("leaves the signals alone once it is disposed", () => {
    const { emitter, calls, watch } = watched();
    watch[Symbol.dispose]();
    emitter.emit("SIGINT");
    expect(calls).toEqual([]);
    expect(watch.signal.aborted).toBe(false);
  });
});
