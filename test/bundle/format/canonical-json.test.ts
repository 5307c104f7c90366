import { describe, expect, test } from "vitest";
import {
  formatCanonicalJson,
  formatCanonicalPieces,
} from "../../../src/bundle/format/canonical-json.ts";

describe("formatCanonicalJson()", () => {
  test("sorts keys at every depth and keeps the order of arrays", () => {
    const value = { b: [{ z: 1, a: 2 }, "x"], a: { d: null, c: true } };
    expect(formatCanonicalJson(value)).toBe(
      '{\n  "a": {\n    "c": true,\n    "d": null\n  },\n  "b": [\n    {\n      "a": 2,\n      "z": 1\n    },\n    "x"\n  ]\n}\n',
    );
  });

  test("makes equal bytes of values whose keys were set in another order", () => {
    expect(formatCanonicalJson({ a: 1, b: { c: 2, d: 3 } })).toBe(
      formatCanonicalJson({ b: { d: 3, c: 2 }, a: 1 }),
    );
  });

  test("sorts by code unit, not by locale", () => {
    const keys = Object.keys(JSON.parse(formatCanonicalJson({ ä: 0, b: 0, Z: 0, a: 0 })) as object);
    expect(keys).toEqual(["Z", "a", "b", "ä"]);
  });

  test("leaves out what is undefined", () => {
    expect(formatCanonicalJson({ a: undefined })).toBe("{}\n");
  });
});

describe("formatCanonicalPieces()", () => {
  const deep = { layouts: [{ images: [{ tags: ["v1\n", "ü"], empty: {}, none: [] }, null, 7] }] };
  test.each([
    ["a bundle", { schemaVersion: 1, packages: [{ name: "images", ...deep }, {}], a: undefined }],
    ["a list", [undefined, [], [[[[[[["deep", { b: 1, a: [2] }]]]]]]], "x"]],
    ["nothing", {}],
    ["what has nothing that JSON knows", { a: undefined }],
    ["a text", 'a "quoted"\nline'],
    ["null", null],
  ])("gives the same text for %s", (_, value) => {
    expect([...formatCanonicalPieces(value)].join("")).toBe(formatCanonicalJson(value));
  });

  test("never holds more than a piece and an image", () => {
    const images = Array.from({ length: 10_000 }, (_, tag) => ({ tags: [`v${tag}`], size: tag }));
    const value = { packages: [{ layouts: [{ images }] }] };
    const lengths = Array.from(formatCanonicalPieces(value), ({ length }) => length);
    expect(lengths.length).toBeGreaterThan(5);
    expect(Math.max(...lengths)).toBeLessThan(66_000);
  });
});
