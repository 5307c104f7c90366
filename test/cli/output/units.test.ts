import { describe, expect, test } from "vitest";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatRate,
  formatShare,
} from "../../../src/cli/output/units.ts";

describe("formatBytes()", () => {
  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [1549, "1.5 kB"],
    [999_949, "999.9 kB"],
    [999_950, "1.0 MB"],
    [5_000_000, "5.0 MB"],
    [4_294_967_295, "4.3 GB"],
    [1.8e12, "1.8 TB"],
    [9e18, "9000.0 PB"],
  ])("writes %d as %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("formatRate()", () => {
  test("is bytes per second", () => {
    expect(formatRate(1_200_000)).toBe("1.2 MB/s");
  });
});

describe("formatDuration()", () => {
  test.each([
    [-1, "0 s"],
    [0.2, "1 s"],
    [59, "59 s"],
    [59.5, "1 min 00 s"],
    [185, "3 min 05 s"],
    [7800, "2 h 10 min"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });
});

describe("formatCount()", () => {
  test("adds the plural", () => {
    expect([0, 1, 2].map((count) => formatCount(count, "file"))).toEqual([
      "0 files",
      "1 file",
      "2 files",
    ]);
  });
});

describe("formatShare()", () => {
  test.each([
    [0, 10, "0%"],
    [999, 1000, "99%"],
    [10, 10, "100%"],
    [0, 0, "100%"],
  ])("writes %d of %d as %s", (done, total, text) => {
    expect(formatShare(done, total)).toBe(text);
  });
});
