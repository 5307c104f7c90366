import { Readable } from "node:stream";
import type { Descriptor } from "../../oci/descriptor.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { OpenContent } from "../../store/store.ts";
import type { RequestBody, SendRequest } from "../transport/http.ts";

/** Gives the pieces of content that an upload sends, one at a time. */
export interface UploadCursor {
  /** Who sends them; undefined: this thread. */
  readonly via: SendRequest | undefined;
  /** What was wrong with the content itself: a failed upload is not the registry's fault then. */
  readonly failure: Error | undefined;
  slice(offset: number, size: number): RequestBody;
  close(): void;
}

const BUFFER_BYTES = 1024 * 1024;

/**
 * Cuts content into request bodies. As long as each begins where the last one ended, the content is opened once and
 * read straight through, so that its owner can hash it on the way; any other position opens it again.
 */
export class ContentCursor implements UploadCursor {
  readonly via = undefined;
  readonly #content: Descriptor;
  readonly #open: OpenContent;
  #source: Readable | undefined;
  #position = 0;
  #failure: Error | undefined;

  constructor(content: Descriptor, open: OpenContent) {
    this.#content = content;
    this.#open = open;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  slice(offset: number, size: number): RequestBody {
    return { size, open: () => this.#openSlice(offset, size) };
  }

  close(): void {
    this.#source?.destroy();
    this.#source = undefined;
  }

  async #openSlice(offset: number, size: number): Promise<Readable> {
    const source = this.#position === offset ? this.#source : undefined;
    if (!source) this.close();
    const opened = source ?? (await this.#openSource(offset));
    this.#source = opened;
    // unusable until the slice has been read to its end
    this.#position = -1;
    const end = offset + size;
    return new ContentSlice(opened, size, {
      complete: () => {
        this.#position = end;
      },
      fail: (error, missingBytes) => {
        this.#failure = error ?? this.#tooShort(end - missingBytes);
        return this.#failure;
      },
    });
  }

  async #openSource(offset: number): Promise<Readable> {
    try {
      const source = await this.#open(offset);
      source.pause();
      // between two slices nobody else listens; the next one sees that the stream is destroyed
      source.on("error", ignore);
      return source;
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  #tooShort(found: number): Error {
    const { digest, size } = this.#content;
    return new ContentMismatchError(digest, `it ends after ${found} of ${size} bytes`);
  }
}

interface SliceEnd {
  readonly complete: () => void;
  /** Error of the content; undefined when it just ended too early. Gives what the reader shall get. */
  readonly fail: (error: Error | undefined, missingBytes: number) => Error;
}

/** The next bytes of a stream, which stays open behind them. */
class ContentSlice extends Readable {
  readonly #source: Readable;
  readonly #end: SliceEnd;
  #missingBytes: number;

  constructor(source: Readable, size: number, end: SliceEnd) {
    super({ highWaterMark: BUFFER_BYTES });
    this.#source = source;
    this.#missingBytes = size;
    this.#end = end;
    source.on("data", this.#take);
    source.on("end", this.#endEarly);
    source.on("error", this.#fail);
  }

  override _read(): void {
    if (this.#missingBytes > 0) this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release();
    if (this.#missingBytes > 0) this.#source.destroy();
    callback(error);
  }

  #take = (chunk: Buffer): void => {
    const surplus = chunk.length - this.#missingBytes;
    const wanted = surplus > 0 ? chunk.subarray(0, this.#missingBytes) : chunk;
    this.#missingBytes -= wanted.length;
    const hasRoom = this.push(wanted);
    if (!hasRoom || surplus >= 0) this.#source.pause();
    if (surplus < 0) return;
    this.#release();
    if (surplus > 0) this.#source.unshift(chunk.subarray(wanted.length));
    this.#end.complete();
    this.push(null);
  };

  #endEarly = (): void => {
    this.destroy(this.#end.fail(undefined, this.#missingBytes));
  };

  #fail = (error: Error): void => {
    this.destroy(this.#end.fail(error, this.#missingBytes));
  };

  #release(): void {
    this.#source.off("data", this.#take);
    this.#source.off("end", this.#endEarly);
    this.#source.off("error", this.#fail);
  }
}

function ignore(): void {}
