import type { Socket } from "node:net";
import type { SocketReads } from "../transport/connect/socket-reads.ts";

/** Who gets the bytes of a socket. */
export interface SocketReceiver {
  /** Takes bytes that came; false: no more until the socket is resumed. */
  readonly take: (bytes: Buffer) => boolean;
  /** Where the next bytes go. */
  readonly memory: () => Buffer;
}

/** Where the first bytes go: heads and small bodies are shorter. */
export const FIRST_BUFFER_BYTES: number = 64 * 1024;

const receivers = new WeakMap<Socket, SocketReceiver>();
/** Of the socket whose bytes were just taken: it asks for memory in the same turn. */
let next: Buffer | undefined;

/** Makes sockets read into the memory of their receivers (`onread` of node:net): no stream, no allocation, no copy. */
export const READ_TO_RECEIVER: SocketReads = {
  buffer: () => {
    const memory = next ?? Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES);
    next = undefined;
    return memory;
  },
  callback(this: Socket, length: number, buffer: Buffer): boolean {
    const receiver = receivers.get(this);
    // nothing was asked
    if (!receiver) this.destroy();
    const goesOn = receiver?.take(buffer.subarray(0, length)) ?? false;
    next = receiver?.memory();
    return goesOn;
  },
};

/** From now on, what comes on the socket goes there. */
export function receiveFrom(socket: Socket, receiver: SocketReceiver): void {
  receivers.set(socket, receiver);
}
