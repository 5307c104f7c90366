import { type BodyFraming, framingOf } from "./body-framing.ts";
import { ChunkDecoder } from "./chunk-decoder.ts";
import { protocolError } from "./protocol-error.ts";
import { parseResponseHead, type ResponseHead } from "./response-head.ts";

export interface ResponseListener {
  /** The final one: what comes before it is passed over. */
  readonly onHead: (head: ResponseHead, framing: BodyFraming) => void;
  /** Bytes of the body; false: no more for now. */
  readonly onData: (bytes: Buffer) => boolean;
  /** `surplusBytes` came behind the body. */
  readonly onEnd: (surplusBytes: number) => void;
}

/** What Node's own client takes. */
const HEAD_LIMIT_BYTES = 16 * 1024;
const BEGINNING = "HTTP/1.";

/** Reads one answer out of the bytes of a connection, however they are cut. Throws what is no HTTP. */
export class ResponseReader {
  readonly #method: string;
  readonly #listener: ResponseListener;
  #head = "";
  #framing: BodyFraming | undefined;
  /** Of a body with a length. */
  #left = 0;
  /** Of a body in chunks. */
  #chunks: ChunkDecoder | undefined;
  #isOver = false;

  constructor(method: string, listener: ResponseListener) {
    this.#method = method;
    this.#listener = listener;
  }

  /** Bytes of the body that come next, as they are; 0: unknown. */
  get plainBytes(): number {
    return this.#framing?.kind === "length" ? this.#left : 0;
  }

  /** Takes the next bytes; false: no more for now. */
  take(bytes: Buffer): boolean {
    let rest: Buffer | undefined = bytes;
    while (rest && !this.#framing) rest = this.#readHead(rest);
    return rest && !this.#isOver ? this.#readBody(rest) : true;
  }

  /** The connection has ended; whether the answer was complete by then. */
  end(): boolean {
    if (this.#framing?.kind === "close" && !this.#isOver) this.#end(0);
    return this.#isOver;
  }

  /** Gives the bytes behind a head; undefined: it is not complete. */
  #readHead(bytes: Buffer): Buffer | undefined {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1", 0, HEAD_LIMIT_BYTES + 4);
    if (!this.#head.startsWith(BEGINNING.slice(0, this.#head.length))) {
      throw protocolError("HPE_INVALID_CONSTANT", "the server does not speak HTTP/1");
    }
    const end = this.#head.indexOf("\r\n\r\n", Math.max(0, before - 3));
    if (end > HEAD_LIMIT_BYTES || (end < 0 && this.#head.length > HEAD_LIMIT_BYTES)) {
      throw protocolError("HPE_HEADER_OVERFLOW", "the head of the answer is too long");
    }
    if (end < 0) return undefined;
    const text = this.#head.slice(0, end);
    this.#head = "";
    // what servers write there is UTF-8 if it is more than ASCII
    const isAscii = !/[\x80-\xff]/.test(text);
    this.#takeHead(
      parseResponseHead(isAscii ? text : Buffer.from(text, "latin1").toString("utf8")),
    );
    return bytes.subarray(end + 4 - before);
  }

  #takeHead(head: ResponseHead): void {
    if (head.status === 101) {
      throw protocolError("HPE_INVALID_CONSTANT", "the server changes to another protocol");
    }
    if (head.status < 200) return;
    const framing = framingOf(head, this.#method);
    this.#framing = framing;
    this.#left = framing.kind === "length" ? framing.bytes : 0;
    this.#listener.onHead(head, framing);
  }

  #readBody(bytes: Buffer): boolean {
    const { onData } = this.#listener;
    if (this.#framing?.kind === "close") return bytes.length === 0 || onData(bytes);
    let goesOn = true;
    let surplusBytes = 0;
    if (this.#framing?.kind === "chunked") {
      this.#chunks ??= new ChunkDecoder();
      surplusBytes = this.#chunks.decode(bytes, (data) => {
        goesOn = onData(data) && goesOn;
      });
    } else {
      const data = bytes.subarray(0, this.#left);
      this.#left -= data.length;
      surplusBytes = bytes.length - data.length;
      if (data.length > 0) goesOn = onData(data);
    }
    const isComplete = this.#chunks ? this.#chunks.isOver : this.#left === 0;
    if (!isComplete) return goesOn;
    this.#end(surplusBytes);
    return true;
  }

  #end(surplusBytes: number): void {
    this.#isOver = true;
    this.#listener.onEnd(surplusBytes);
  }
}
