import { type EventEmitter, setMaxListeners } from "node:events";
import { EXIT_INTERRUPTED } from "./exit-code.ts";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface SignalWatch extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export interface SignalWatchOptions {
  readonly exit: (status: number) => void;
  /** Called once, at the first signal. */
  readonly onInterrupt: () => void;
}

/** The first signal asks the running command to stop and save its state; the second ends the program at once. */
export function watchSignals(
  emitter: Pick<EventEmitter, "on" | "off">,
  { exit, onInterrupt }: SignalWatchOptions,
): SignalWatch {
  const controller = new AbortController();
  // Every running request and file listens to it
  setMaxListeners(0, controller.signal);
  const interrupt = () => {
    if (controller.signal.aborted) return exit(EXIT_INTERRUPTED);
    onInterrupt();
    controller.abort();
  };
  for (const name of SIGNALS) emitter.on(name, interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) emitter.off(name, interrupt);
    },
  };
}
