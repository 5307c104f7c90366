import { describe, expect, test } from "vitest";
import {
  parseExtraImages,
  parseImagesDigests,
} from "../../../src/selection/documents/module-images.ts";

const A = `sha256:${"a".repeat(64)}`;
const B = `sha256:${"b".repeat(64)}`;

describe("parseImagesDigests()", () => {
  test.each<[string, string, string[] | undefined]>([
    ["two levels", JSON.stringify({ console: { frontend: B, backend: A } }), [A, B]],
    ["a digest twice", JSON.stringify([A, [A]]), [A]],
    ["a digest inside a reference", JSON.stringify({ x: `repo@${A}` }), [A]],
    ["text that is not JSON", `${A}, ${B}`, [A, B]],
    [
      "short, upper-case and other digests",
      `sha256:abc ${A.toUpperCase()} sha512:${"a".repeat(64)}`,
      undefined,
    ],
    ["nothing", "", undefined],
    ["a list of nothing", "{}", []],
  ])("finds digests in %s", (_, text, digests) => {
    expect(parseImagesDigests(Buffer.from(text))).toEqual(digests);
  });
});

describe("parseExtraImages()", () => {
  test("reads tags, whole numbers and digests, sorted by name", () => {
    const file = JSON.stringify({ scanner: 3, enforcer: "v4.5.6", pinned: A });
    expect(parseExtraImages(Buffer.from(file), "file")).toEqual({
      images: [
        { name: "enforcer", reference: "v4.5.6" },
        { name: "pinned", reference: A },
        { name: "scanner", reference: "3" },
      ],
      skipped: [],
    });
  });

  test("leaves out what names no tag", () => {
    const file = '{"a":null,"b":1.5,"c":true,"d":["v1"]}';
    expect(parseExtraImages(Buffer.from(file), "file")).toEqual({
      images: [],
      skipped: ["a", "b", "c", "d"],
    });
  });
});
