import type { Writable } from "node:stream";
import type { PullEvent, PushEvent, VerifyEvent } from "../../index.ts";
import type { ProgressMode } from "../options/output.ts";
import { createJsonRenderer } from "./json.ts";
import { createPlainRenderer } from "./plain.ts";
import { createTtyRenderer } from "./tty.ts";

/** Every event that a command can show. */
export type MirrorEvent = PullEvent | PushEvent | VerifyEvent;

/** Shows events while a command runs; disposing it leaves the terminal clean and can be done twice. */
export interface Renderer extends Disposable {
  readonly onEvent: (event: MirrorEvent) => void;
  /** One more line of status, above whatever is drawn. */
  readonly onLine: (text: string) => void;
}

export interface RendererStreams {
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Picks the renderer; nothing else in the program knows which one it is. */
export function openRenderer(mode: ProgressMode, { stdout, stderr }: RendererStreams): Renderer {
  switch (mode) {
    case "tty":
      return createTtyRenderer({ stream: stderr });
    case "plain":
      return createPlainRenderer({ stream: stderr });
    case "json":
      return createJsonRenderer({ events: stdout, lines: stderr });
    case "none":
      return { onEvent() {}, onLine() {}, [Symbol.dispose]() {} };
  }
}
