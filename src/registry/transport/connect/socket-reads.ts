import type { Socket } from "node:net";

/** How sockets read (`onread` of node:net). */
export interface SocketReads {
  /** Memory for the next read. */
  readonly buffer: () => Buffer;
  /** Takes what was read; false: no more until the socket is resumed. */
  readonly callback: (this: Socket, length: number, buffer: Buffer) => boolean;
}
