import { expect, test } from "vitest";
import { parseByteRange } from "../../src/server/byte-range.ts";

test.each([
  [undefined, "everything"],
  ["bytes=0-4", { start: 0, end: 5 }],
  ["Bytes=0-4", { start: 0, end: 5 }],
  ["bytes= 5-", { start: 5, end: 100 }],
  ["bytes=-5", { start: 95, end: 100 }],
  ["bytes=-500", { start: 0, end: 100 }],
  ["bytes=0-99999999999999999999999", { start: 0, end: 100 }],
  ["bytes=99-99", { start: 99, end: 100 }],
  ["bytes=100-", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=5-3", "unsatisfiable"],
  ["bytes=0-0,5-9", "everything"],
  ["bytes=-", "everything"],
  ["bytes=a-b", "everything"],
  ["items=0-4", "everything"],
])("of 100 bytes, %s is %j", (header, range) => {
  expect(parseByteRange(header, 100)).toEqual(range);
});
