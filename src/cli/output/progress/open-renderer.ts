import type { Writable } from "node:stream";
import type { ProgressMode } from "../../options/output.ts";
import type { Suspension } from "../../suspension.ts";
import type { FlagWords } from "../flag-words.ts";
import { renderEventLine } from "./event-line.ts";
import { createJsonRenderer } from "./json.ts";
import { createPlainRenderer } from "./plain.ts";
import type { Renderer } from "./renderer.ts";
import { createTtyRenderer } from "./tty.ts";

export interface RendererStreams {
  readonly stdout: Writable;
  readonly stderr: Writable & { readonly columns?: number };
  readonly suspension?: Suspension | undefined;
}

/** Picks the renderer; nothing else in the program knows which one it is. Texts of events are shown in flags. */
export function openRenderer(
  mode: ProgressMode,
  { inFlags, ...streams }: RendererStreams & { readonly inFlags: FlagWords },
): Renderer {
  const renderer = createRenderer(mode, streams);
  return {
    ...renderer,
    onEvent: (event) => {
      const hasText = "message" in event || "reason" in event;
      renderer.onEvent(hasText ? inFlags(event) : event);
    },
  };
}

function createRenderer(
  mode: ProgressMode,
  { stdout, stderr, suspension }: RendererStreams,
): Renderer {
  switch (mode) {
    case "tty":
      return createTtyRenderer({ stream: stderr, suspension });
    case "plain":
      return createPlainRenderer({ stream: stderr });
    case "json":
      return createJsonRenderer({ events: stdout, lines: stderr });
    case "none":
      return createSilentRenderer(stderr);
  }
}

/** Notices are no progress: they are said in any case. */
function createSilentRenderer(stderr: Writable): Renderer {
  return {
    onEvent: (event) => {
      if (event.type === "notice") stderr.write(`${renderEventLine(event)}\n`);
    },
    onLine() {},
    [Symbol.dispose]() {},
  };
}
