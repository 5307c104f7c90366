import { mkdir, truncate, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import {
  BUNDLE_MEDIA_TYPE,
  parseBundleManifest,
  readIntactManifest,
} from "../../../src/bundle/read/bundle-manifest.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

const IMAGE = {
  repository: "modules/foo",
  tags: ["v1.0.0"],
  digest: DIGEST,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  size: 100,
  platforms: ["linux/amd64"],
  source: "registry.test/acme/modules/foo:v1.0.0",
  kind: "image",
};
const FILE = { name: "module-foo.tar", size: 2048, sha256: "b".repeat(64) };
const PACKAGE = {
  name: "module-foo",
  kind: "module",
  size: 2048,
  files: [FILE],
  layouts: [{ path: "modules/foo", images: [IMAGE] }],
};
const MANIFEST = {
  schemaVersion: 1,
  mediaType: BUNDLE_MEDIA_TYPE,
  source: "registry.test/acme",
  selection: { anything: true },
  packages: [PACKAGE],
  totals: { images: 1, manifests: 1, blobs: 1, uniqueBytes: 100 },
};

const parse = (value: unknown) =>
  parseBundleManifest(Buffer.from(JSON.stringify(value)), "/b/bundle.json");

const withImage = (fields: object) => ({
  ...MANIFEST,
  packages: [{ ...PACKAGE, layouts: [{ path: "modules/foo", images: [{ ...IMAGE, ...fields }] }] }],
});
const withPackage = (fields: object) => ({ ...MANIFEST, packages: [{ ...PACKAGE, ...fields }] });
const withFile = (fields: object) => withPackage({ files: [{ ...FILE, ...fields }] });
const chunk = (number: number, size = 1024) => ({
  ...FILE,
  name: `module-foo.tar.000${number}.chunk`,
  size,
});

describe("parseBundleManifest()", () => {
  test("reads what the format describes", () => {
    expect(parse(MANIFEST)).toEqual(MANIFEST);
  });

  const withExtra = (name: string) => ({ ...MANIFEST, extraFiles: [{ ...FILE, name }] });

  test.each(["deckhousereleases.yaml", "trusted-root.json", "trusted-root-2.json"])(
    "takes %s as a file beside the packages",
    (name) => {
      expect(parse(withExtra(name))).toEqual(withExtra(name));
    },
  );

  test.each(["bundle.json", "module-foo.tar", "SHA256SUMS", "../x.json", "a/b.json", ".json"])(
    "refuses %s as a file beside the packages",
    (name) => {
      expect(() => parse(withExtra(name))).toThrow("extraFiles is not what the format requires");
    },
  );

  test("passes over fields that a later minor version adds", () => {
    const later = { ...withImage({ later: 1 }), base: {} };
    expect(parse(later)).toEqual(later);
  });

  test("says once what it cannot read", () => {
    const parseText = () => parseBundleManifest(Buffer.from("{"), "/b/bundle.json");
    expect(parseText).toThrow(
      expect.objectContaining({
        message: 'Cannot read bundle "/b/bundle.json" at byte 0: it is not JSON',
      }),
    );
  });

  test("reads chunk files in order", () => {
    const value = withPackage({ files: [chunk(0), chunk(1)] });
    expect(parse(value)).toEqual(value);
  });

  test.each([
    ["a later schema", { ...MANIFEST, schemaVersion: 2 }, "2"],
    ["a schema of text", { ...MANIFEST, schemaVersion: "1" }, "1"],
    ["another media type", { ...MANIFEST, mediaType: "application/x.v2+json" }, "application/x.v2"],
    ["only a schema", { schemaVersion: 1 }, "undefined"],
  ])("does not support %s", (_, value, version) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({ code: "BUNDLE_VERSION_UNSUPPORTED", path: "/b/bundle.json" }),
    );
    expect(() => parse(value)).toThrow(version);
  });

  test.each<[string, unknown]>([
    ["an array", []],
    ["null", null],
    ["an empty object", {}],
    ["no packages", { ...MANIFEST, packages: undefined }],
    ["packages that are no list", { ...MANIFEST, packages: {} }],
    ["a package that is null", { ...MANIFEST, packages: [null] }],
    ["a package of an unknown kind", withPackage({ kind: "toString" })],
    ["a package without files", withPackage({ files: [], size: 0 })],
    ["a package whose size is not that of its files", withPackage({ size: 2049 })],
    ["layouts that are text", withPackage({ layouts: "x" })],
    ["a layout outside", withPackage({ layouts: [{ path: "../x", images: [] }] })],
    ["images that are null", withPackage({ layouts: [{ path: "x", images: null }] })],
    ["a file of another package", withFile({ name: "module-bar.tar" })],
    ["a file outside", withFile({ name: "../module-foo.tar" })],
    ["a file of a negative size", withFile({ size: -1 })],
    ["a file without a hash", withFile({ sha256: "" })],
    ["a hash in upper case", withFile({ sha256: "B".repeat(64) })],
    ["a missing chunk", withPackage({ files: [chunk(0), chunk(2)] })],
    ["a chunk listed twice", withPackage({ files: [chunk(0), chunk(0)] })],
    ["a whole file beside a chunk", withPackage({ files: [{ ...FILE, size: 1024 }, chunk(1)] })],
    ["a file listed twice", { ...MANIFEST, packages: [PACKAGE, PACKAGE] }],
    ["an image that is null", withPackage({ layouts: [{ path: "x", images: [null] }] })],
    ["a repository outside", withImage({ repository: "../x" })],
    ["tags that are no list", withImage({ tags: "v1" })],
    ["a tag with a slash", withImage({ tags: ["a/b"] })],
    ["a digest that is none", withImage({ digest: "sha256:abc" })],
    ["a size that is no number", withImage({ size: "1" })],
    ["an image of an unknown kind", withImage({ kind: "other" })],
    ["a source that is no text", { ...MANIFEST, source: 1 }],
    ["no totals", { ...MANIFEST, totals: undefined }],
    ["totals that are no numbers", { ...MANIFEST, totals: { images: "1" } }],
  ])("refuses %s", (_, value) => {
    expect(() => parse(value)).toThrow(
      expect.objectContaining({
        code: "BUNDLE_CORRUPT",
        location: { path: "/b/bundle.json", offset: 0 },
      }),
    );
  });

  test.each([
    ["no JSON", "{"],
    ["keys given twice", '{"schemaVersion":1,"schemaVersion":1}'],
    ["keys that differ in case", '{"schemaVersion":1,"SchemaVersion":1}'],
    ["bytes that are no UTF-8", Buffer.from([0x22, 0xff, 0x22])],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(() => parseBundleManifest(Buffer.from(text), "/b/bundle.json")).toThrow(
      expect.objectContaining({ code: "BUNDLE_CORRUPT" }),
    );
  });
});

describe("readIntactManifest()", () => {
  test("is undefined where there is none", async () => {
    await using directory = await openTempDirectory();
    expect(await readIntactManifest(directory.path)).toBeUndefined();
    await writeFile(directory.resolve("file"), "");
    expect(await readIntactManifest(directory.resolve("file"))).toBeUndefined();
  });

  test("reads the file", async () => {
    await using directory = await openTempDirectory();
    await writeFile(directory.resolve("bundle.json"), JSON.stringify(MANIFEST));
    expect(await readIntactManifest(directory.path)).toEqual(MANIFEST);
  });

  test("is undefined where it is too large to be one, without reading it", async () => {
    await using directory = await openTempDirectory();
    await writeFile(directory.resolve("bundle.json"), "");
    await truncate(directory.resolve("bundle.json"), 257 * 1024 * 1024);
    expect(await readIntactManifest(directory.path)).toBeUndefined();
  });

  test("is undefined where it is damaged", async () => {
    await using directory = await openTempDirectory();
    await writeFile(directory.resolve("bundle.json"), "{");
    expect(await readIntactManifest(directory.path)).toBeUndefined();
  });

  test("names what cannot be read", async () => {
    await using directory = await openTempDirectory();
    await mkdir(directory.resolve("bundle.json"));
    await expect(readIntactManifest(directory.path)).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      path: directory.resolve("bundle.json"),
    });
  });
});
