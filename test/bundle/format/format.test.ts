import { describe, expect, test } from "vitest";
import {
  blobPath,
  formatPackageFile,
  parseLayoutEntry,
  parsePackageFile,
} from "../../../src/bundle/format/format.ts";

const HEX = "0123456789abcdef".repeat(4);

describe("parsePackageFile()", () => {
  test.each([
    ["platform.tar", { packageName: "platform" }],
    ["platform.tar.0000.chunk", { packageName: "platform", chunk: 0 }],
    ["platform.tar.12345.chunk", { packageName: "platform", chunk: 12345 }],
    ["module-foo.tar.0003.chunk", { packageName: "module-foo", chunk: 3 }],
    ["module-a.b_c.tar", { packageName: "module-a.b_c" }],
    ["Module-foo.tar", { packageName: "Module-foo" }],
  ])("reads %s", (name, parsed) => {
    expect(parsePackageFile(name)).toEqual(parsed);
  });

  test.each([
    "platform.chunk",
    "platform.tar.abcd.chunk",
    "platform.0000.chunk",
    "platform.tar.000.chunk",
    "platform.tar.0000.chunk.partial",
    "platform.tar.partial",
    "platform.tar.gz",
    "platform.tar.0000.chunk.gostsum",
    "platform.txt",
    "platform",
    ".tar",
    "._platform.tar",
    "..tar",
    "a/b.tar",
    "bundle.json",
    "readme.txt",
    "",
  ])("takes %j for no package file", (name) => {
    expect(parsePackageFile(name)).toBeUndefined();
  });
});

describe("formatPackageFile()", () => {
  test.each<[string, number | undefined, string]>([
    ["platform", undefined, "platform.tar"],
    ["platform", 0, "platform.tar.0000.chunk"],
    ["module-foo", 9999, "module-foo.tar.9999.chunk"],
    ["module-foo", 10_000, "module-foo.tar.10000.chunk"],
  ])("is the inverse of parsePackageFile(): %s, chunk %s", (packageName, chunk, name) => {
    expect(formatPackageFile(packageName, chunk)).toBe(name);
    expect(parsePackageFile(name)).toEqual({
      packageName,
      ...(chunk === undefined ? {} : { chunk }),
    });
  });
});

describe("parseLayoutEntry()", () => {
  test.each([
    ["oci-layout", { kind: "oci-layout", layout: "" }],
    ["./oci-layout", { kind: "oci-layout", layout: "" }],
    ["index.json", { kind: "index", layout: "" }],
    ["manifest.json", { kind: "archive-manifest", layout: "" }],
    ["modules/foo/index.json", { kind: "index", layout: "modules/foo" }],
    ["modules/foo/extra/a/oci-layout", { kind: "oci-layout", layout: "modules/foo/extra/a" }],
    [`blobs/sha256/${HEX}`, { kind: "blob", layout: "", digest: `sha256:${HEX}` }],
    [`x/blobs/sha512/${HEX}${HEX}`, { kind: "blob", layout: "x", digest: `sha512:${HEX}${HEX}` }],
  ])("reads %s", (path, name) => {
    expect(parseLayoutEntry(path)).toEqual(name);
  });

  test.each([
    "../index.json",
    "modules/../index.json",
    "/index.json",
    "modules//index.json",
    "modules/foo/",
    "modules/Foo/index.json",
    "modules\\foo\\index.json",
    "index.json/",
    "index.json\0",
    "index.json\nx",
    "x/index.jsonx",
    `blobs/sha256/${HEX.slice(1)}`,
    `blobs/sha256/${HEX}0`,
    `blobs/sha256/${HEX.toUpperCase()}`,
    `blobs/sha512/${HEX}`,
    `blobs/md5/${HEX}`,
    `blobs/sha256/../${HEX}`,
    "run.sh",
    "",
  ])("takes %j for nothing that a layout has", (path) => {
    expect(parseLayoutEntry(path)).toBeUndefined();
  });

  test("is the inverse of blobPath()", () => {
    const path = blobPath("modules/foo", `sha256:${HEX}`);
    expect(path).toBe(`modules/foo/blobs/sha256/${HEX}`);
    expect(parseLayoutEntry(path)).toMatchObject({ digest: `sha256:${HEX}` });
  });
});
