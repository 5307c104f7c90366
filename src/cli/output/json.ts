import type { Writable } from "node:stream";
import type { Renderer } from "./renderer.ts";

/** One event per line on stdout, each as it is: the event types are a public contract. */
export function createJsonRenderer(streams: {
  readonly events: Writable;
  readonly lines: Writable;
}): Renderer {
  return {
    onEvent: (event) => {
      streams.events.write(`${JSON.stringify(event)}\n`);
    },
    onLine: (text) => {
      streams.lines.write(`${text}\n`);
    },
    [Symbol.dispose]() {},
  };
}
