import type { Digest } from "../../oci/digest.ts";

/** A blob of an earlier bundle, and where it is in one of its packages. */
export interface PreviousBlob {
  readonly package: number;
  readonly offset: number;
  /** Bytes from its first that are believed to be there. */
  readonly available: number;
}

/** The blobs of a bundle by their digest: of each, three numbers are held. */
export class PreviousBlobs implements Iterable<readonly [Digest, PreviousBlob]> {
  readonly #positions = new Map<Digest, number>();
  readonly #packages: number[] = [];
  readonly #offsets: number[] = [];
  readonly #available: number[] = [];

  /** Of several places of a blob the first counts. */
  add(digest: Digest, { package: index, offset, available }: PreviousBlob): void {
    if (this.#positions.has(digest)) return;
    this.#positions.set(digest, this.#offsets.length);
    this.#packages.push(index);
    this.#offsets.push(offset);
    this.#available.push(available);
  }

  find(digest: Digest): PreviousBlob | undefined {
    const position = this.#positions.get(digest);
    return position === undefined ? undefined : this.#blobAt(position);
  }

  *[Symbol.iterator](): Generator<readonly [Digest, PreviousBlob]> {
    for (const [digest, position] of this.#positions) yield [digest, this.#blobAt(position)];
  }

  #blobAt(position: number): PreviousBlob {
    return {
      package: this.#packages[position] ?? 0,
      offset: this.#offsets[position] ?? 0,
      available: this.#available[position] ?? 0,
    };
  }
}
