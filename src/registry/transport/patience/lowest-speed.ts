import type { Readable } from "node:stream";

export interface LowestSpeedOptions {
  readonly bytesPerSecond: number;
  /** The speed is that of a window of this length. */
  readonly windowMs: number;
  /** Bytes that have come so far. */
  readonly receivedBytes: () => number;
  /** Whether bytes are waiting, or are not wanted; default: as the stream tells. */
  readonly isReaderSlow?: (() => boolean) | undefined;
}

/** Looks at the body this often in a window, so that a pause of the reader shows. */
const TICKS = 8;

/**
 * Ends a body that comes more slowly than is allowed: a server that sends a byte now and then would be waited for without
 * end. A reader that takes its time is no reason: then bytes are waiting, or are not wanted.
 */
export function watchSpeed(
  body: Readable,
  {
    bytesPerSecond,
    windowMs,
    receivedBytes,
    isReaderSlow = () => body.readableLength > 0 || !body.readableFlowing,
  }: LowestSpeedOptions,
): void {
  if (bytesPerSecond <= 0) return;
  const wanted = (bytesPerSecond * windowMs) / 1000;
  let [ticks, bytesBefore] = [0, receivedBytes()];
  const timer = setInterval(() => {
    if (isReaderSlow() || receivedBytes() - bytesBefore >= wanted) {
      ticks = 0;
      bytesBefore = receivedBytes();
      return;
    }
    ticks += 1;
    if (ticks >= TICKS) body.destroy(tooSlow(bytesPerSecond));
  }, windowMs / TICKS);
  body.once("close", () => clearInterval(timer));
}

function tooSlow(bytesPerSecond: number): NodeJS.ErrnoException {
  const message = `Less than ${bytesPerSecond} bytes a second came`;
  return Object.assign(new Error(message), { code: "STALLED" });
}
