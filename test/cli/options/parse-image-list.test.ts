import { describe, expect, test } from "vitest";
import { parseImageList } from "../../../src/cli/options/parse-image-list.ts";

describe("parseImageList()", () => {
  test("leaves out blank lines, comments and spaces at the ends", () => {
    const text =
      "\uFEFF# base\r\nweb:v1\r\n\r\n  db@^2.1   # the database\n\t\nimage@>=1.1.0 <1.3.0";
    expect(parseImageList(text)).toEqual(["web:v1", "db@^2.1", "image@>=1.1.0 <1.3.0"]);
  });

  test("keeps a # inside a word", () => {
    expect(parseImageList("web#1")).toEqual(["web#1"]);
  });
});
