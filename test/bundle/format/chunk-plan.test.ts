import { describe, expect, test } from "vitest";
import { findFile, sliceByFile, startsOf } from "../../../src/bundle/format/chunk-plan.ts";

const starts = (...sizes: readonly number[]) => startsOf(sizes.map((size) => ({ size })));

describe("startsOf()", () => {
  test("lists where each file starts, and the end", () => {
    expect(starts(10, 10, 3)).toEqual([0, 10, 20, 23]);
    expect(starts()).toEqual([0]);
  });
});

describe("sliceByFile()", () => {
  test.each([
    ["inside one file", 2, 5, [{ file: 0, offset: 2, length: 3 }]],
    ["a whole file", 10, 20, [{ file: 1, offset: 0, length: 10 }]],
    [
      "at every border that it crosses",
      8,
      23,
      [
        { file: 0, offset: 8, length: 2 },
        { file: 1, offset: 0, length: 10 },
        { file: 2, offset: 0, length: 3 },
      ],
    ],
    [
      "and leaves out what lies beyond",
      19,
      99,
      [
        { file: 1, offset: 9, length: 1 },
        { file: 2, offset: 0, length: 3 },
      ],
    ],
    ["into nothing when it is empty", 5, 5, []],
    ["into nothing behind the end", 23, 30, []],
  ])("cuts a range %s", (_, start, end, slices) => {
    expect(sliceByFile({ start, end }, starts(10, 10, 3))).toEqual(slices);
  });

  test("passes over empty files", () => {
    expect(sliceByFile({ start: 3, end: 7 }, starts(5, 0, 0, 5))).toEqual([
      { file: 0, offset: 3, length: 2 },
      { file: 3, offset: 0, length: 2 },
    ]);
  });

  test("covers every byte once for all ranges", () => {
    const borders = starts(4, 0, 1, 7, 2);
    for (let start = 0; start <= 14; start++) {
      for (let end = start; end <= 14; end++) {
        const covered = sliceByFile({ start, end }, borders).flatMap(({ file, offset, length }) =>
          Array.from({ length }, (_, at) => (borders[file] ?? 0) + offset + at),
        );
        expect(covered).toEqual(Array.from({ length: end - start }, (_, at) => start + at));
      }
    }
  });
});

describe("findFile()", () => {
  test.each([
    [0, 0],
    [9, 0],
    [10, 1],
    [19, 1],
    [20, 2],
    [22, 2],
    [23, 2],
    [1000, 2],
  ])("finds position %i in file %i", (position, file) => {
    expect(findFile(position, starts(10, 10, 3))).toBe(file);
  });
});
