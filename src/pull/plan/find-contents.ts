import type { Wishes } from "../directory/wishes.ts";
import {
  type ResolvedContents,
  type ResolvingOptions,
  resolveContents,
} from "./resolve-contents.ts";
import { resolveLock } from "./resolve-lock.ts";

/** What a bundle will hold: what a selection comes to now, or what a lock pins. */
export async function findContents(options: ResolvingOptions & Wishes): Promise<ResolvedContents> {
  const { selection, lock } = options;
  return lock === undefined
    ? await resolveContents({ ...options, selection })
    : await resolveLock(lock, options);
}
