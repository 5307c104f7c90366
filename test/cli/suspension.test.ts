import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { createTtyRenderer } from "../../src/cli/output/progress/tty.ts";
import { watchSuspension } from "../../src/cli/suspension.ts";
import { textOf } from "../support/text-of.ts";

describe("Ctrl-Z", () => {
  test("gives the cursor and the breaking of lines back before the process stops", () => {
    const emitter = new EventEmitter();
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
    const text = () => textOf(stream);
    const atStop: string[] = [];
    const suspension = watchSuspension(emitter, { stop: () => atStop.push(text()) });
    let tick = () => {};
    const every = (_: number, callback: () => void) => {
      tick = callback;
      return () => {};
    };
    const renderer = createTtyRenderer({ stream, every, suspension });
    emitter.emit("SIGTSTP");
    expect(atStop.pop()).toBe("");
    renderer.onEvent({ type: "opened", packages: 1, files: 1, images: 1, bytes: 100 });
    tick();
    text();
    emitter.emit("SIGTSTP");
    expect(atStop).toEqual(["\u001b[?25h\u001b[?7h\n"]);
    emitter.emit("SIGCONT");
    expect(text()).toBe("\u001b[?25l\u001b[?7l");
    renderer[Symbol.dispose]();
    text();
    emitter.emit("SIGTSTP");
    expect(atStop.at(-1)).toBe("");
  });
});
