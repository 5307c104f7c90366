import { describe, expect, test } from "vitest";
import { formatJsonLines, JsonLinesReader, type LinedObject } from "../../src/io/json-lines.ts";

const image = (name: string) => ({ value: { name, text: 'brackets ]} and {"a":[\n,' } });

const OBJECT: LinedObject = {
  head: { schemaVersion: 1, selection: { images: ["a[", "]}"] }, lock: undefined },
  list: "contents",
  items: [
    { head: { name: "one" }, list: "images", items: [image("a"), image("ä")] },
    { head: { name: "none" }, list: "images", items: [] },
  ],
};

const VALUE = {
  schemaVersion: 1,
  selection: { images: ["a[", "]}"] },
  contents: [
    { name: "one", images: [image("a").value, image("ä").value] },
    { name: "none", images: [] },
  ],
};

const TEXT = [...formatJsonLines(OBJECT)].join("");

/** Given to the reader in pieces of so many characters. */
function read(text: string, length = text.length): unknown {
  const reader = new JsonLinesReader();
  for (let at = 0; at < text.length; at += length) reader.push(text.slice(at, at + length));
  return reader.end();
}

describe("formatJsonLines()", () => {
  test("writes what whoever reads JSON can read, with a line for each item", () => {
    expect(JSON.parse(TEXT)).toEqual(VALUE);
    expect(TEXT.split("\n")).toHaveLength(9);
  });

  test("never holds more than a piece and an item", () => {
    function* items() {
      for (let count = 0; count < 10_000; count++) yield image(`image ${count}`);
    }
    const lengths = Array.from(
      formatJsonLines({ head: {}, list: "images", items: items() }),
      (piece) => piece.length,
    );
    expect(lengths.length).toBeGreaterThan(5);
    expect(Math.max(...lengths)).toBeLessThan(66_000);
  });
});

describe("JsonLinesReader", () => {
  test("reads what was written, wherever it is cut", () => {
    for (const length of [1, 2, 7, 64, 10_000]) expect(read(TEXT, length)).toEqual(VALUE);
  });

  test("reads a document without any line of its own", () => {
    expect(read(JSON.stringify(VALUE), 5)).toEqual(VALUE);
    expect(read("1\n")).toBe(1);
  });

  test("refuses what is cut off or goes on behind its end", () => {
    const lines = TEXT.split("\n");
    for (let count = 0; count < lines.length - 1; count++) {
      expect(() => read(lines.slice(0, count).join("\n")), `${count} lines`).toThrow(SyntaxError);
    }
    expect(() => read(TEXT.slice(0, -10))).toThrow(SyntaxError);
    expect(() => read(`${TEXT}{}`)).toThrow(SyntaxError);
    expect(() => read(`${TEXT}]}\n`)).toThrow(SyntaxError);
    expect(() => read("]}")).toThrow(SyntaxError);
    expect(() => read("1[\n]}")).toThrow(SyntaxError);
    expect(() => read("[[")).toThrow(SyntaxError);
  });
});
