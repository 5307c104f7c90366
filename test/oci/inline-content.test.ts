import { expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { inlineContentOf } from "../../src/oci/inline-content.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";

const EMPTY = { mediaType: MEDIA_TYPE.emptyConfig, digest: digestOf("{}"), size: 2 };
const inline = (fields: object) => inlineContentOf(Buffer.from(JSON.stringify(fields)));

test("content of a manifest is what it says of itself", () => {
  const found = [{ digest: EMPTY.digest, bytes: Buffer.from("{}") }];
  expect(inline({ config: { ...EMPTY, data: "e30=" }, layers: [EMPTY] })).toEqual(found);
  expect(inline({ layers: [{ ...EMPTY, data: "e30=" }] })).toEqual(found);
});

test.each([
  ["none", { config: EMPTY }],
  ["other bytes", { config: { ...EMPTY, data: "e3s=" } }],
  ["another length", { config: { ...EMPTY, size: 3, data: "e30=" } }],
  ["no text", { config: { ...EMPTY, data: 7 } }],
  ["no descriptor", { config: { data: "e30=" }, layers: "data" }],
])("%s is as if it were not there", (_, fields) => {
  expect(inline(fields)).toEqual([]);
});

test("what is no document has none", () => {
  expect(inlineContentOf(Buffer.from('{"data"'))).toEqual([]);
});
