import { describe, expect, test } from "vitest";
import { parseStrictJson } from "../../src/oci/strict-json.ts";

const parse = (text: string) => parseStrictJson(Buffer.from(text), "the document");

describe("parseStrictJson()", () => {
  test.each([
    "{}",
    "[]",
    '"text"',
    "1",
    "null",
    '{"a":{"b":[1,{"c":null}]},"d":"e"}',
    '[{"a":1},{"a":2}]',
    '{"a":"b: {[","c":"\\"x\\":","d":"\\\\"}',
    '{"a" \n\t:1 , "b":["a","a"]}',
    '{"a":{"x":1},"b":{"x":1}}',
    '{"":0}',
  ])("reads %s", (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ["a key twice", '{"digest":1,"digest":2}'],
    ["a key in two cases", '{"digest":1,"Digest":2}'],
    ["a key twice, once escaped", '{"digest":1,"\\u0064igest":2}'],
    ["a key with the long s, which Go takes for s", '{"digest":1,"dige\u017ft":2}'],
    ["a key with the Kelvin sign, which Go takes for k", '{"kind":1,"\u212aind":2}'],
    ["a key twice, deep inside", '[{"a":{"b":1,"c":[],"b":2}}]'],
    ["a key twice, after a long gap", `{"a"${" ".repeat(5000)}:1,"a":2}`],
    ["a key twice, behind strings with quotes and backslashes", '{"a":"\\\\","b":"\\\\\\"","a":2}'],
    ["an annotation twice", '{"annotations":{"a":"1","a":"2"}}'],
    ["annotations twice", '{"annotations":{},"Annotations":{}}'],
    ["variants below a map", '{"annotations":[{"a":1,"A":2}]}'],
  ])("refuses %s", (_, text) => {
    expect(() => parse(text)).toThrow(/Cannot use the document: key ".+" is given twice/);
  });

  test("lets annotations differ in case only: their keys are names, not fields", () => {
    const text = '{"annotations":{"Title":"1","title":"2"},"a":1}';
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["half of it", Buffer.from('{"a":')],
    ["two documents", Buffer.from("{}{}")],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["a byte order mark", Buffer.from("\ufeff{}")],
  ])("refuses %s", (_, bytes) => {
    expect(() => parseStrictJson(bytes, "it")).toThrow(
      expect.objectContaining({ code: "CONTENT_INVALID" }),
    );
  });

  test("reads 64 levels and refuses more", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(parse(nested(64))).toBeInstanceOf(Array);
    expect(() => parse(nested(65))).toThrow(/nested too deeply/);
  });

  test.each([
    ["letters", "x".repeat(32 * 1024 * 1024)],
    ["backslashes", "\\".repeat(4 * 1024 * 1024)],
    ["quotes", '"'.repeat(4 * 1024 * 1024)],
  ])("reads a string of megabytes of %s", (_, content) => {
    const text = JSON.stringify({ content, key: 1 });
    expect(parse(text)).toHaveProperty("key", 1);
    expect(() => parse(text.replace('"key"', '"content"'))).toThrow(/given twice/);
  });
});
