import type { UploadSession } from "../../store/store.ts";

const USELESS_AFTER_MS = 24 * 60 * 60 * 1000;

/** Registries purge what nobody finishes: after a day it is not worth asking. */
export function isSessionUsable({ startedAt }: UploadSession, now: Date): boolean {
  const age = now.getTime() - Date.parse(startedAt);
  return age >= 0 && age < USELESS_AFTER_MS;
}

/**
 * Number of bytes that the `Range` of an upload answer means, given our own count. Seen in the wild: `0-N` inclusive,
 * `bytes=0-N` exclusive (Quay), and for an empty session `0-0`, `0--1` or nothing. Undefined: it says nothing usable.
 */
export function parseUploadRange(
  text: string | undefined,
  countedBytes: number,
): number | undefined {
  if (text === undefined || text.trim() === "") return countedBytes === 0 ? 0 : undefined;
  const [, prefix, end] = /^(bytes[= ])?0-(-1|\d{1,15})$/.exec(text.trim()) ?? [];
  if (end === undefined) return undefined;
  const inclusive = Number(end) + 1;
  if (end === "0" && countedBytes === 0) return 0;
  if (prefix === undefined || inclusive === countedBytes || end === "-1") return inclusive;
  return Number(end);
}
