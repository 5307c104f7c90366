import type { Socket } from "node:net";
import { fillReadBuffer, recycleReadBuffer, takeReadBuffer } from "../../io/read-buffers.ts";
import type { SocketReads } from "./connector.ts";

/** Shorter reads, mostly headers, are copied: each would else keep a large buffer that nobody gives back. */
const COPIED_BELOW_BYTES = 16 * 1024;

/** Makes sockets read into recycled memory (`onread` of node:net); the bytes then take their usual way. */
export const READ_INTO_POOL: SocketReads = {
  buffer: () => takeReadBuffer(),
  callback(this: Socket, length: number, buffer: Buffer): boolean {
    const bytes = fillReadBuffer(buffer, length);
    if (length >= COPIED_BELOW_BYTES) return this.push(bytes);
    const copy = Buffer.from(bytes);
    recycleReadBuffer(bytes);
    return this.push(copy);
  },
};
