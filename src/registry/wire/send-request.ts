import type { Socket } from "node:net";
import type { Exchange } from "../transport/exchange.ts";
import { formatRequestHead } from "./request-head.ts";

export interface SendRequestOptions {
  /** Whether nobody wants the rest any more. */
  readonly isOver: () => boolean;
  /** Bytes of the body were taken by the system. */
  readonly onSent: (bytes: number) => void;
}

/**
 * Writes a request. While one piece of a body is on its way, the next is read; its memory is used again when the
 * system has taken all of it. Rejects with what keeps the body from being read; failures of the socket are its own.
 */
export async function sendRequest(
  socket: Socket,
  exchange: Exchange,
  { isOver, onSent }: SendRequestOptions,
): Promise<void> {
  const { body } = exchange;
  const head = formatRequestHead(exchange, Buffer.isBuffer(body) ? body.length : body?.size);
  const next = piecesOf(body);
  socket.cork();
  socket.write(head, "latin1");
  let writing: Promise<void> = Promise.resolve();
  try {
    for (let piece = next(); piece !== undefined; piece = next()) {
      await writing;
      if (isOver()) return;
      const { length } = piece;
      writing = write(socket, piece).then(() => {
        if (!isOver()) onSent(length);
      });
      socket.uncork();
    }
  } finally {
    socket.uncork();
  }
  await writing;
}

function write(socket: Socket, piece: Buffer): Promise<void> {
  // whoever listens to the socket hears of failures
  return new Promise((resolve) => socket.write(piece, () => resolve()));
}

function piecesOf(body: Exchange["body"]): () => Buffer | undefined {
  if (body !== undefined && !Buffer.isBuffer(body)) {
    if (!body.pieces) throw new Error("the body cannot be read piece by piece");
    return body.pieces();
  }
  let rest = body?.length ? body : undefined;
  return () => {
    const piece = rest;
    rest = undefined;
    return piece;
  };
}
