import { Readable } from "node:stream";
import type { ContentHash, ContentHasher } from "../io/content-hasher.ts";
import { fillReadBuffer, recycleReadBuffer } from "../io/read-buffers.ts";
import { chunksAhead } from "../io/read-chunks.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, parseDigest } from "../oci/digest.ts";

export interface BlobStreamsOptions<Place extends object> {
  readonly hasher: ContentHasher;
  /** The bytes of a place from `start` up to, not including, `end`, as `readChunks` has them; rejects when it has less. */
  readonly read: (
    place: Place,
    range: { readonly start: number; readonly end: number },
  ) => AsyncGenerator<Buffer>;
  /** Throws unless the hash is the digest's. */
  readonly check: (place: Place, digest: Digest, hash: string) => void | Promise<void>;
}

export interface OpenBlobOptions {
  /** Position of the first byte wanted; default 0. */
  readonly offset?: number | undefined;
  /** Position behind the last byte wanted; default the end. */
  readonly end?: number | undefined;
  /** `once`: a blob that was right since it was opened first is not hashed again; default `always`. */
  readonly verify?: "always" | "once" | undefined;
}

interface WantedBlob<Place> {
  readonly place: Place;
  readonly digest: Digest;
  readonly start: number;
  readonly end: number;
}

/**
 * Blobs of files as streams; a place is an object for as long as its bytes are the same. When it is all of a blob the bytes are verified, and the last of them are only passed on when the digest
 * is right: a receiver can never get all of a damaged blob.
 */
export class BlobStreams<Place extends object> {
  readonly #options: BlobStreamsOptions<Place>;
  /** Blobs that were read to their end, and were what they should be. */
  readonly #verified = new WeakSet<Place>();
  /** Blobs that a reader hashes on its way, for all who need them verified once. */
  readonly #led = new Set<Place>();
  /** Blobs that are hashed for nobody in particular. */
  readonly #verifying = new Map<Place, Promise<void>>();

  constructor(options: BlobStreamsOptions<Place>) {
    this.#options = options;
  }

  /** Of a place that has the size of the descriptor. */
  open(
    place: Place,
    { digest, size }: Pick<Descriptor, "digest" | "size">,
    { offset = 0, end = size, verify = "always" }: OpenBlobOptions,
  ): Readable {
    const wanted = { place, digest, start: offset, end: Math.min(end, size) };
    const isWhole = offset === 0 && end >= size;
    const isKnown = verify === "once" && this.#verified.has(place);
    return Readable.from(this.#choose(wanted, { isUnchecked: !isWhole || isKnown, verify }), {
      objectMode: false,
      highWaterMark: chunksAhead(),
    });
  }

  #choose(
    wanted: WantedBlob<Place>,
    { isUnchecked, verify }: { readonly isUnchecked: boolean } & Pick<OpenBlobOptions, "verify">,
  ): AsyncGenerator<Buffer> {
    if (isUnchecked) return this.#read(wanted);
    if (verify === "always") return this.#readHashing(wanted);
    return this.#led.has(wanted.place) ? this.#follow(wanted) : this.#lead(wanted);
  }

  /** Takes a place for right: whoever has put the bytes there has hashed them. */
  trust(place: Place): void {
    this.#verified.add(place);
  }

  /** Hashes all of a place unless it is known to be right; rejects as `check` does. */
  async verify(place: Place, { digest, size }: Pick<Descriptor, "digest" | "size">): Promise<void> {
    if (this.#verified.has(place)) return;
    await this.#verify({ place, digest, start: 0, end: size });
  }

  #read({ place, start, end }: WantedBlob<Place>): AsyncGenerator<Buffer> {
    return this.#options.read(place, { start, end });
  }

  async *#readHashing(wanted: WantedBlob<Place>): AsyncGenerator<Buffer> {
    const { digest, end, place, start } = wanted;
    const { check, hasher } = this.#options;
    const hash: ContentHash = hasher.open(parseDigest(digest).algorithm, end - start);
    try {
      let left = end - start;
      for await (const piece of this.#read(wanted)) {
        left -= piece.length;
        const bytes = await hash.update(piece);
        if (left === 0) {
          await check(place, digest, await hash.digest());
          this.#verified.add(place);
        }
        yield fillReadBuffer(Buffer.from(bytes.buffer), bytes.length);
      }
    } finally {
      hash.discard();
    }
  }

  async *#lead(wanted: WantedBlob<Place>): AsyncGenerator<Buffer> {
    this.#led.add(wanted.place);
    try {
      yield* this.#readHashing(wanted);
    } finally {
      this.#led.delete(wanted.place);
    }
  }

  /** Many may ask for the same blob at once: it is hashed by the first, and once more if that one is slower, or has left. */
  async *#follow(wanted: WantedBlob<Place>): AsyncGenerator<Buffer> {
    const { end, place, start } = wanted;
    let left = end - start;
    for await (const piece of this.#read(wanted)) {
      left -= piece.length;
      if (left === 0 && !this.#verified.has(place)) await this.#verify(wanted);
      yield piece;
    }
  }

  #verify(wanted: WantedBlob<Place>): Promise<void> {
    const running = this.#verifying.get(wanted.place);
    if (running !== undefined) return running;
    const verifying = this.#hashAll(wanted).finally(() => this.#verifying.delete(wanted.place));
    this.#verifying.set(wanted.place, verifying);
    return verifying;
  }

  async #hashAll(wanted: WantedBlob<Place>): Promise<void> {
    for await (const piece of this.#readHashing(wanted)) recycleReadBuffer(piece);
  }
}
