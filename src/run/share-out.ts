/**
 * Works on items, `atOnce` at a time: each of so many takers takes the next one when it is done. What waits takes no more than
 * its place. Behind the first failure nothing is begun; each promise is one taker, and has its own failure.
 */
export function shareOut<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void>[] {
  // One iterator for all: each item is taken once, and it is not closed by the taker that fails
  const left = items[Symbol.iterator]();
  let hasFailed = false;
  const take = async (): Promise<void> => {
    try {
      for (let next = left.next(); !next.done && !hasFailed; next = left.next()) {
        await work(next.value);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  return Array.from({ length: atOnce }, take);
}
