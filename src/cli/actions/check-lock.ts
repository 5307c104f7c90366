import { isSelectionOfLock, type Lock, type Selection } from "../../index.ts";
import type { FlagValues } from "../options/flag.ts";
import { SELECTION_FLAGS } from "../options/selection.ts";
import { UsageError } from "../usage-error.ts";

type SelectionFlags = FlagValues<typeof SELECTION_FLAGS>;

/** Flags that say what to take, besides the source. */
export function wishesBeside(flags: SelectionFlags): readonly string[] {
  const names = Object.keys(SELECTION_FLAGS) as (keyof SelectionFlags)[];
  return names.filter((name) => {
    const value = flags[name];
    const isEmpty = Array.isArray(value) && value.length === 0;
    return name !== "source" && value !== undefined && value !== false && !isEmpty;
  });
}

/** Refuses a source that is not that of the lock; an equal one may be named for its login. */
export function requireSource(
  lock: Lock,
  { path, source }: { path: string; source: string },
): void {
  if (lock.source === source) return;
  const own = lock.source === undefined ? "has none" : `is of "${lock.source}"`;
  throw new UsageError(`Cannot use --source "${source}": the lock "${path}" ${own}`, {
    hint: 'Leave --source out, or make a lock of that source with "mirror plan"',
  });
}

/** Refuses wishes that are not those of the lock; undefined: they are none by themselves. */
export function requireSameWishes(
  lock: Lock,
  {
    path,
    selection,
    flags,
  }: { path: string; selection: Selection | undefined; flags: readonly string[] },
): void {
  if (selection !== undefined && isSelectionOfLock(selection, lock)) return;
  const named = flags.map((flag) => `--${flag}`).join(", ");
  throw new UsageError(`Cannot use ${named}: the lock "${path}" is of another selection`, {
    hint: 'Leave out what says what to take, or make a new lock with "mirror plan"',
  });
}
