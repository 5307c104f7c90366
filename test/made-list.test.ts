import { describe, expect, test } from "vitest";
import { MadeList } from "../src/made-list.ts";

describe("MadeList", () => {
  test("makes an item when it is asked for, and keeps none", () => {
    const made: number[] = [];
    const list = new MadeList(3, (position) => {
      made.push(position);
      return { position };
    });
    expect(made).toEqual([]);
    expect([...list]).toEqual([{ position: 0 }, { position: 1 }, { position: 2 }]);
    expect(list.at(1)).not.toBe(list.at(1));
    expect(made).toEqual([0, 1, 2, 1, 1]);
  });

  test("counts as an array does", () => {
    const list = new MadeList(3, (position) => position);
    expect([0, 2, 3, -1, -3, -4].map((at) => list.at(at))).toEqual([
      0,
      2,
      undefined,
      2,
      0,
      undefined,
    ]);
  });
});
