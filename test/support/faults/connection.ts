import { once } from "node:events";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { RegistryRequest, RegistryResponse } from "../../../src/server/message.ts";

/**
 * How a connection breaks: an orderly end too early, a TCP reset, or silence until the client gives up. A reset takes
 * along what the client's system has not fetched yet, so a slow reader may get less than was sent.
 */
export type Break = "eof" | "reset" | "stall";

/** Breaks the connection after everything written so far is with the kernel; returns when it is closed. */
export async function breakConnection(socket: Socket, how: Break): Promise<void> {
  if (!socket.destroyed) await settle(socket);
  if (socket.destroyed) return;
  const closed = once(socket, "close");
  if (how === "reset") socket.resetAndDestroy();
  if (how === "eof") socket.end(() => socket.destroy());
  await closed;
}

/** The response whose connection breaks after `afterBytes` bytes of the body. */
export function breakResponse(
  response: RegistryResponse,
  { socket }: RegistryRequest,
  cut: { readonly afterBytes: number; readonly how: Break },
): RegistryResponse {
  if (response.body === undefined) return response;
  return { ...response, body: lazily(untilBreak(streamOf(response.body), socket, cut)) };
}

/** The request whose connection breaks after `afterBytes` bytes of the body have been taken. */
export function breakRequest(
  request: RegistryRequest,
  cut: { readonly afterBytes: number; readonly how: Break },
): RegistryRequest {
  return { ...request, body: lazily(untilBreak(request.body, request.socket, cut)) };
}

/** A stream that does not read ahead: a chunk is asked for when the one before has been passed on. */
export function lazily(chunks: AsyncIterable<Buffer>): Readable {
  return Readable.from(chunks, { objectMode: false, highWaterMark: 1 });
}

function streamOf(body: Buffer | Readable): AsyncIterable<Buffer> {
  return Buffer.isBuffer(body) ? Readable.from([body]) : body;
}

async function* untilBreak(
  chunks: AsyncIterable<Buffer>,
  socket: Socket,
  { afterBytes, how }: { readonly afterBytes: number; readonly how: Break },
): AsyncGenerator<Buffer> {
  let left = afterBytes;
  for await (const chunk of chunks) {
    if (chunk.length <= left) {
      left -= chunk.length;
      yield chunk;
      continue;
    }
    if (left > 0) yield chunk.subarray(0, left);
    await breakConnection(socket, how);
    throw new Error("The fault registry broke the connection");
  }
}

/** Turns of the event loop in which what streams still hold has certainly moved on. */
const QUIET_TURNS = 3;

/** Waits until nothing more arrives at the socket from the streams in front of it, and it holds nothing back. */
async function settle(socket: Socket): Promise<void> {
  for (let quiet = 0; quiet < QUIET_TURNS && !socket.destroyed; quiet++) {
    if (socket.writableLength > 0) {
      quiet = 0;
      await new Promise<void>((resolve) => {
        socket.once("close", resolve).write("", () => resolve());
      });
    }
    await setImmediate();
  }
}
