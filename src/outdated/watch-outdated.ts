import { isAbortError, MirrorError } from "../errors.ts";
import { type Clock, SYSTEM_CLOCK } from "../io/clock.ts";
import { type FindOutdatedOptions, findOutdated } from "./find-outdated.ts";
import type { OutdatedEvent, OutdatedReport } from "./outdated-report.ts";

export interface WatchOutdatedOptions extends FindOutdatedOptions {
  /** From the end of one look to the next. */
  readonly everyMs: number;
  readonly clock?: Clock | undefined;
}

/**
 * Looks again and again, and gives the report of each look. A tag is told by an event once, and again when it has moved on. A
 * look that fails, after one that did not, is a notice: the registry may be back by the next.
 */
export async function* watchOutdated(
  options: WatchOutdatedOptions,
): AsyncGenerator<OutdatedReport, void, undefined> {
  const { clock = SYSTEM_CLOCK, everyMs, onEvent = () => {}, signal } = options;
  const told = new Set<string>();
  const tellOnce = (event: OutdatedEvent) => {
    const key = keyOf(event);
    if (key !== undefined && told.has(key)) return;
    if (key !== undefined) told.add(key);
    onEvent(event);
  };
  for (let isFirst = true; ; isFirst = false) {
    try {
      yield await findOutdated({ ...options, onEvent: tellOnce });
    } catch (error) {
      if (isFirst || isAbortError(error) || !(error instanceof MirrorError)) throw error;
      const { message } = error;
      onEvent({ type: "notice", code: "LOOK_FAILED", message });
    }
    await clock.sleep(everyMs, signal);
  }
}

/** What is news once; of all else every one is told. */
function keyOf(event: OutdatedEvent): string | undefined {
  switch (event.type) {
    case "newTag":
    case "movedTag":
    case "goneTag":
      return `${event.type} ${event.repository}:${event.tag} ${event.digest}`;
    case "newerTags":
      return `${event.type} ${event.source} ${event.newer[0]}`;
    default:
      return undefined;
  }
}
