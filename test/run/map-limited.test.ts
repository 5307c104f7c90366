import { describe, expect, it } from "vitest";
import { mapLimited } from "../../src/run/map-limited.ts";

/** Work that ends when it is told to, in any order. */
function heldWork() {
  const begun: number[] = [];
  const ends = new Map<number, { resolve: (value: string) => void; reject: (e: Error) => void }>();
  const work = (item: number) => {
    begun.push(item);
    return new Promise<string>((resolve, reject) => ends.set(item, { resolve, reject }));
  };
  return { begun, ends, work };
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

describe("mapLimited", () => {
  it("begins no more than so many at a time and keeps the order of the items", async () => {
    const { begun, ends, work } = heldWork();
    const results = mapLimited([1, 2, 3], 2, work);
    expect(begun).toEqual([1, 2]);
    ends.get(2)?.resolve("two");
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    ends.get(3)?.resolve("three");
    ends.get(1)?.resolve("one");
    expect(await results).toEqual(["one", "two", "three"]);
  });

  it("throws the first failure at once and begins nothing behind it", async () => {
    const { begun, ends, work } = heldWork();
    const results = mapLimited([1, 2, 3], 2, work);
    ends.get(2)?.reject(new Error("broken"));
    await expect(results).rejects.toThrow("broken");
    ends.get(1)?.resolve("one");
    await turn();
    expect(begun).toEqual([1, 2]);
  });

  it("gives nothing for nothing", async () => {
    expect(await mapLimited([], 4, async () => "never")).toEqual([]);
  });
});
