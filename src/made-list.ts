/**
 * A list whose items are made when they are asked for, and forgotten when nobody needs them: of a hundred thousand it holds
 * what `make` keeps.
 */
export class MadeList<Item> implements Iterable<Item> {
  readonly length: number;
  readonly #make: (position: number) => Item;

  constructor(length: number, make: (position: number) => Item) {
    this.length = length;
    this.#make = make;
  }

  /** As of an array: from the end if negative, undefined beyond both. */
  at(position: number): Item | undefined {
    const index = position < 0 ? this.length + position : position;
    return index >= 0 && index < this.length ? this.#make(index) : undefined;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (let position = 0; position < this.length; position++) yield this.#make(position);
  }
}
