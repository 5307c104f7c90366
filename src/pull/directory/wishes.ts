import type { Lock, LockedSelection } from "../../lock/lock.ts";
import type { Selection } from "../../selection/grammar/selection.ts";

/** What is asked for. */
export type Wishes =
  | {
      /** What to take. */
      readonly selection: Selection;
      readonly lock?: undefined;
    }
  | {
      readonly selection?: undefined;
      /** Takes exactly what a lock pins, wherever tags point at now. */
      readonly lock: Lock;
    };

/** A selection as far as it is looked at behind its resolution: the rest is only written down. */
export type RecordedSelection = Pick<Selection, "source"> | LockedSelection;

/** What a bundle says that it was made for: the same with a lock as with the selection that it was made of. */
export function recordedSelection({ selection, lock }: Wishes): RecordedSelection {
  return selection ?? lock.selection;
}
