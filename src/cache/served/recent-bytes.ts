/** What has come last of content that is on its way, in one piece: nobody has to read it back from the disk. */
export class RecentBytes {
  #chunks: { readonly start: number; readonly bytes: Buffer }[] = [];
  #size = 0;

  /** Bytes that are held. */
  get size(): number {
    return this.#size;
  }

  add(start: number, bytes: Buffer): void {
    this.#chunks.push({ start, bytes });
    this.#size += bytes.length;
  }

  /** Everything that is held from a position on; it has to be. */
  from(position: number): readonly Buffer[] {
    return this.#chunks
      .filter(({ start, bytes }) => start + bytes.length > position)
      .map(({ start, bytes }) => (start < position ? bytes.subarray(position - start) : bytes));
  }

  /** Some bytes at a position, if they are held. */
  at(position: number): Buffer | undefined {
    const found = this.#chunks.findLast(({ start }) => start <= position);
    const bytes = found?.bytes.subarray(position - found.start);
    return bytes && bytes.length > 0 ? bytes : undefined;
  }

  /** Lets go of what ends at the position or before it, but for the last so many bytes. */
  trim(position: number, spare = 0): void {
    let first = this.#chunks[0];
    while (first && first.start + first.bytes.length <= position) {
      if (this.#size - first.bytes.length < spare) return;
      this.#chunks.shift();
      this.#size -= first.bytes.length;
      first = this.#chunks[0];
    }
  }
}
