import { type EventEmitter, setMaxListeners } from "node:events";

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

type SignalName = (typeof SIGNALS)[number];

export interface SignalWatch extends Disposable {
  /** Aborted by the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
}

export interface SignalWatchOptions {
  /** Called at the second signal, when nothing listens to signals any more: the same one once more ends the program. */
  readonly end: (name: SignalName) => void;
  /** Called once, at the first signal. */
  readonly onInterrupt: () => void;
}

/** The first signal asks the running command to stop and save its state; the second ends the program at once. */
export function watchSignals(
  emitter: Pick<EventEmitter, "on" | "off">,
  { end, onInterrupt }: SignalWatchOptions,
): SignalWatch {
  const controller = new AbortController();
  // Every running request and file listens to it
  setMaxListeners(0, controller.signal);
  const leave = () => {
    for (const name of SIGNALS) emitter.off(name, interrupt);
  };
  const interrupt = (name: SignalName) => {
    if (controller.signal.aborted) {
      leave();
      return end(name);
    }
    onInterrupt();
    controller.abort();
  };
  for (const name of SIGNALS) emitter.on(name, interrupt);
  return {
    signal: controller.signal,
    [Symbol.dispose]: leave,
  };
}
