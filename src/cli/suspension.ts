import { EventEmitter } from "node:events";

/** Tells who draws on the terminal that the program is put aside, by Ctrl-Z, and comes back. */
export type Suspension = EventEmitter<{ readonly suspend: []; readonly resume: [] }>;

export interface WatchSuspensionOptions {
  /** Stops the process for real. */
  readonly stop: () => void;
}

/** A shell expects its terminal as it was: whoever draws gives it back before the process stops. */
export function watchSuspension(
  emitter: Pick<EventEmitter, "on">,
  { stop }: WatchSuspensionOptions,
): Suspension {
  const suspension: Suspension = new EventEmitter();
  emitter.on("SIGTSTP", () => {
    suspension.emit("suspend");
    stop();
  });
  emitter.on("SIGCONT", () => suspension.emit("resume"));
  return suspension;
}
