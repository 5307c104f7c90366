import { describe, expect, it } from "vitest";
import { shareOut } from "../../src/run/share-out.ts";

describe("shareOut", () => {
  it("gives each item to one taker, so many at a time", async () => {
    const taken: number[] = [];
    let [running, most] = [0, 0];
    await Promise.all(
      shareOut([1, 2, 3, 4, 5].values(), 2, async (item) => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        taken.push(item);
        running -= 1;
      }),
    );
    expect(taken).toEqual([1, 2, 3, 4, 5]);
    expect(most).toBe(2);
  });

  it("begins nothing behind a failure, and lets what is under way end", async () => {
    const [begun, ended]: [number[], number[]] = [[], []];
    const takers = shareOut([1, 2, 3, 4], 2, async (item) => {
      begun.push(item);
      if (item === 1) throw new Error("broken");
      await Promise.resolve();
      ended.push(item);
    });
    const settled = await Promise.allSettled(takers);
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect([begun, ended]).toEqual([[1, 2], [2]]);
  });
});
