import { READ_BUFFER_BYTES } from "../../io/read-buffers.ts";

const SHARES = [
  { readers: 8, bytes: 1024 * 1024 },
  { readers: 64, bytes: READ_BUFFER_BYTES },
] as const;

const LEAST_BYTES = 32 * 1024;

/** What each of so many readers of one download gets at once: large pieces spare processor time, a crowd has to share. */
export function readerMemory(readers: number): number {
  return SHARES.find((share) => readers <= share.readers)?.bytes ?? LEAST_BYTES;
}
