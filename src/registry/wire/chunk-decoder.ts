import { protocolError } from "./protocol-error.ts";

/** A line of sizes with its extensions, or one of trailers. */
const LINE_LIMIT_BYTES = 4096;
const TRAILERS_LIMIT = 64;
const [LF, CR] = [10, 13];

/** Takes the chunks of a body apart (RFC 9112, section 7.1). */
export class ChunkDecoder {
  /** `data`: `#left` bytes of a chunk are still to come. */
  #state: "size" | "data" | "data-end" | "trailer" | "over" = "size";
  #left = 0;
  #line = "";
  #trailers = 0;

  get isOver(): boolean {
    return this.#state === "over";
  }

  /** The data in the next bytes, in order; undefined where only their frames are. Returns the number of bytes behind the body. */
  decode(bytes: Buffer, onData: (data: Buffer) => void): number {
    let at = 0;
    while (at < bytes.length && !this.isOver) {
      if (this.#state === "data") {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        if (this.#left === 0) this.#state = "data-end";
        onData(data);
      } else {
        at = this.#readLine(bytes, at);
      }
    }
    return bytes.length - at;
  }

  #readLine(bytes: Buffer, start: number): number {
    const found = bytes.indexOf(LF, start);
    const end = found < 0 ? bytes.length : found;
    this.#line += bytes.toString("latin1", start, end);
    if (this.#line.length > LINE_LIMIT_BYTES) throw badChunk("a line is too long");
    if (found < 0) return end;
    if (this.#line.charCodeAt(this.#line.length - 1) !== CR)
      throw badChunk("a line ends too early");
    const line = this.#line.slice(0, -1);
    this.#line = "";
    this.#takeLine(line);
    return end + 1;
  }

  #takeLine(line: string): void {
    switch (this.#state) {
      case "data-end":
        if (line !== "") throw badChunk("a chunk is longer than it says");
        this.#state = "size";
        break;
      case "trailer":
        this.#trailers += 1;
        if (this.#trailers > TRAILERS_LIMIT) throw badChunk("there is too much behind it");
        if (line === "") this.#state = "over";
        break;
      default: {
        const [, size] = /^([\da-fA-F]{1,12})[ \t]*(?:;[^\0\r\n]*)?$/.exec(line) ?? [];
        if (size === undefined) throw badChunk("a size is no number");
        this.#left = Number.parseInt(size, 16);
        this.#state = this.#left === 0 ? "trailer" : "data";
      }
    }
  }
}

function badChunk(reason: string): NodeJS.ErrnoException {
  return protocolError("HPE_INVALID_CHUNK_SIZE", `the body is chunked wrongly: ${reason}`);
}
