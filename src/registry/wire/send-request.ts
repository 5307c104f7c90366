import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { recycleReadBuffer } from "../../io/read-buffers.ts";
import { bodyOfBytes } from "../transport/body-of-bytes.ts";
import type { Exchange } from "../transport/exchange.ts";
import type { RequestBody } from "../transport/http.ts";
import { formatRequestHead } from "./request-head.ts";

export interface SendRequestOptions {
  /** Whether nobody wants the rest any more. */
  readonly isOver: () => boolean;
  /** Bytes of the body were taken by the system. */
  readonly onSent: (bytes: number) => void;
  /** A body is read from this stream, which is destroyed at the end: whoever ends the exchange before has to. */
  readonly onSource: (source: Readable) => void;
}

/**
 * Writes a request. While one piece of a body is on its way, the next is read; its memory is used again when the
 * system has taken all of it. Rejects with what keeps the body from being read; failures of the socket are its own.
 * Undefined: there is nothing to wait for.
 */
export function sendRequest(
  socket: Socket,
  exchange: Exchange,
  options: SendRequestOptions,
): Promise<void> | undefined {
  const { body } = exchange;
  const isBuffer = Buffer.isBuffer(body);
  const head = formatRequestHead(exchange, isBuffer ? body.length : body?.size);
  if (body === undefined || (isBuffer ? body.length : body.size) === 0) {
    socket.write(head, "latin1");
    return undefined;
  }
  const writer = new BodyWriter(socket, head, options);
  if (isBuffer) return sendPieces(writer, bodyOfBytes(body).pieces());
  return body.pieces ? sendPieces(writer, body.pieces()) : sendStream(writer, body, options);
}

async function sendPieces(writer: BodyWriter, next: () => Buffer | undefined): Promise<void> {
  for (let piece = next(); piece !== undefined; piece = next()) {
    if (!(await writer.write(piece))) return;
  }
  writer.begin();
  await writer.drained;
}

async function sendStream(
  writer: BodyWriter,
  body: RequestBody,
  { isOver, onSource }: SendRequestOptions,
): Promise<void> {
  const source = await body.open();
  onSource(source);
  let left = body.size;
  try {
    for await (const piece of source as AsyncIterable<Buffer>) {
      left -= piece.length;
      if (left < 0) break;
      if (!(await writer.write(piece))) return;
    }
  } catch (error) {
    if (!isOver()) throw error;
  } finally {
    source.destroy();
  }
  await writer.drained;
  // the server would wait for the rest, or take it for the next request
  if (left !== 0 && !isOver())
    throw new Error(`the body has not the ${body.size} bytes it should have`);
}

/** What is copied in less time than two pieces are written. */
const JOINED_BYTES = 16 * 1024;

/** Writes the head and the pieces of a body: one on its way, and one that waits for it. */
class BodyWriter {
  readonly #socket: Socket;
  readonly #options: SendRequestOptions;
  #head: string;
  /** Settles when the system has taken all that was written. */
  drained: Promise<void> = Promise.resolve();

  constructor(socket: Socket, head: string, options: SendRequestOptions) {
    this.#socket = socket;
    this.#head = head;
    this.#options = options;
  }

  /** Writes the head, if no piece was written. */
  begin(): void {
    if (this.#head !== "") this.#socket.write(this.#head, "latin1");
    this.#head = "";
  }

  /** False: nobody wants the rest any more. */
  async write(piece: Buffer): Promise<boolean> {
    const { isOver, onSent } = this.#options;
    await this.drained;
    if (isOver()) return false;
    // whoever listens to the socket hears of failures
    const taken = new Promise<void>((resolve) => this.#writeBehindHead(piece, () => resolve()));
    this.drained = taken.then(() => {
      recycleReadBuffer(piece);
      if (!isOver()) onSent(piece.length);
    });
    return true;
  }

  /** The head and a small body go at once. */
  #writeBehindHead(piece: Buffer, taken: () => void): void {
    if (this.#head !== "" && piece.length <= JOINED_BYTES) {
      const head = Buffer.from(this.#head, "latin1");
      this.#head = "";
      this.#socket.write(Buffer.concat([head, piece]), taken);
      return;
    }
    this.#socket.cork();
    this.begin();
    this.#socket.write(piece, taken);
    this.#socket.uncork();
  }
}
