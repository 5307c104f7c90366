import { shareOut } from "./share-out.ts";

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
  const takers = Math.min(atOnce, items.length);
  await Promise.all(
    shareOut(items.entries(), takers, async ([position, item]) => {
      results[position] = await work(item);
    }),
  );
  return results;
}
