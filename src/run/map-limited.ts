/**
 * Does the work for each item, `atOnce` at a time; the results are in the order of the items. Of ten thousand items only those
 * that are under way are held. The first failure is thrown at once, and behind it nothing is begun.
 */
export async function mapLimited<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  // One iterator for all: each item is taken once
  const left = items.entries();
  let hasFailed = false;
  const workOn = async (): Promise<void> => {
    for (const [position, item] of left) {
      if (hasFailed) return;
      results[position] = await work(item);
    }
  };
  const workers = Array.from({ length: Math.min(atOnce, items.length) }, () =>
    workOn().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    }),
  );
  await Promise.all(workers);
  return results;
}
