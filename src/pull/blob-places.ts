import type { BundleWriter } from "../bundle/write/bundle-writer.ts";
import { type BlockPool, WRITE_BLOCK_BYTES } from "../io/block-pool.ts";
import type { ContentHash, ContentHasher } from "../io/content-hasher.ts";
import { parseDigest } from "../oci/digest.ts";
import type { BlobTask } from "./directory/transfer-plan.ts";

export interface BlobPlacesOptions {
  readonly writer: BundleWriter;
  readonly hasher: ContentHasher;
  readonly blocks: BlockPool;
  readonly signal: AbortSignal;
}

/** Reads back what lies at the places of blobs: nothing that an earlier run wrote is believed before it is hashed. */
export class BlobPlaces {
  readonly #options: BlobPlacesOptions;

  constructor(options: BlobPlacesOptions) {
    this.#options = options;
  }

  openHash({ digest, size }: BlobTask): ContentHash {
    return this.#options.hasher.open(parseDigest(digest).algorithm, size);
  }

  /** Hash of the first `end` bytes of the blob; undefined unless all its places have the same. */
  async hashStart(task: BlobTask, end: number): Promise<ContentHash | undefined> {
    const { blocks, signal } = this.#options;
    const hash = this.openHash(task);
    const copy = blocks.take();
    try {
      for (let position = 0; position < end; position += WRITE_BLOCK_BYTES) {
        signal.throwIfAborted();
        const bytes = blocks.take().subarray(0, Math.min(WRITE_BLOCK_BYTES, end - position));
        const isSame = await this.#readSame(task, position, { bytes, copy });
        blocks.giveBack(isSame ? await hash.update(bytes) : bytes);
        if (isSame) continue;
        hash.discard();
        return undefined;
      }
      return hash;
    } catch (error) {
      hash.discard();
      throw error;
    } finally {
      blocks.giveBack(copy);
    }
  }

  /** Fills `bytes` from the first place of a blob; false unless all places have them. */
  async #readSame(
    { places }: BlobTask,
    position: number,
    { bytes, copy }: { readonly bytes: Buffer; readonly copy: Buffer },
  ): Promise<boolean> {
    for (const [index, place] of places.entries()) {
      const buffer = index === 0 ? bytes : copy.subarray(0, bytes.length);
      const found = await this.#options.writer.read(place, position, buffer);
      if (found < buffer.length || !buffer.equals(bytes)) return false;
    }
    return true;
  }
}
