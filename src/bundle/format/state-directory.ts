/**
 * Names in the directory beside a bundle's files, where runs keep what they need to go on: pulls their plan and journal,
 * pushes of the same bundle their sessions. Nobody else knows them.
 */
export const STATE_DIRECTORY = ".mirror";

/** What a pull keeps there. */
export const PULL_STATE = {
  /** What the pull is going to make. */
  plan: "plan.json",
  /** What of it is on the disk. */
  journal: "journal",
  /** What resolving has fetched. */
  blobs: "blobs",
  /** Files of earlier bundles whose blobs are taken over; each generation with its own plan and journal. */
  previous: "previous",
  /** The lock of the one run that may write. */
  lock: "lock",
} as const;

const PUSH_PREFIX = "push-";
const LOCK_SUFFIX = ".lock";

/** What a push to one target keeps there; `key` stands for bundle and target. */
export function pushStateOf(key: string): { readonly lock: string; readonly journal: string } {
  return { lock: `${PUSH_PREFIX}${key}${LOCK_SUFFIX}`, journal: `${PUSH_PREFIX}${key}.journal` };
}

/** Pushes only read, so several may run beside each other. */
export function isPushLock(name: string): boolean {
  return name.startsWith(PUSH_PREFIX) && name.endsWith(LOCK_SUFFIX);
}

/** Whether a pull was here, by the names in its state directory: an empty one is what a pull makes first. */
export function isStateOfPull(names: readonly string[]): boolean {
  return names.length === 0 || names.some((name) => !name.startsWith(PUSH_PREFIX));
}
