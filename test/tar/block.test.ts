import { describe, expect, test } from "vitest";
import { checksumOf, paddingOf } from "../../src/tar/block.ts";

describe("paddingOf()", () => {
  test.each([
    [0, 0],
    [1, 511],
    [511, 1],
    [512, 0],
    [513, 511],
    [2 ** 40 + 1, 511],
  ])("%i bytes need %i more", (size, padding) => {
    expect(paddingOf(size)).toBe(padding);
  });
});

describe("checksumOf()", () => {
  test("reads the checksum's own field as spaces", () => {
    const block = Buffer.alloc(512);
    expect(checksumOf(block)).toBe(8 * 0x20);
    block.fill(0xff, 148, 156);
    expect(checksumOf(block)).toBe(8 * 0x20);
  });

  test("adds unsigned bytes", () => {
    expect(checksumOf(Buffer.alloc(512, 0xff))).toBe(504 * 0xff + 8 * 0x20);
  });
});
