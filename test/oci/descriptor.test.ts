import { describe, expect, test } from "vitest";
import { coreOf, parseDescriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";

const digest = digestOf("content");
const core = { mediaType: "text/plain", digest, size: 7 };

describe("parseDescriptor()", () => {
  test("keeps every field, also those that it does not know", () => {
    const full = {
      ...core,
      artifactType: "application/vnd.example",
      annotations: { a: "1", A: "2" },
      platform: { os: "linux", architecture: "arm", variant: "v7", "os.features": ["x"] },
      urls: ["https://example.com"],
      data: "Y29udGVudA==",
      "vnd.example": { any: 1 },
    };
    expect(parseDescriptor(full, "config")).toEqual(full);
  });

  test("takes null for absent", () => {
    const empty = { annotations: null, platform: null, urls: null, data: null, artifactType: null };
    expect(parseDescriptor({ ...core, ...empty }, "config")).toEqual(core);
  });

  test.each([
    ["an empty platform", { platform: {} }],
    ["a platform without os", { platform: { architecture: "arm64" } }],
    ["a platform without architecture", { platform: { os: "linux", architecture: null } }],
    ["a platform with an empty os", { platform: { os: "", architecture: "" } }],
  ])("takes %s for none", (_, fields) => {
    expect(parseDescriptor({ ...core, ...fields }, "manifests[0]")).toEqual(core);
  });

  test("takes null inside of annotations and platforms for absent", () => {
    const platform = { os: "linux", architecture: "arm64" };
    const fields = { annotations: { a: null, b: "1" }, platform: { ...platform, variant: null } };
    expect(parseDescriptor({ ...core, ...fields }, "manifests[0]")).toEqual({
      ...core,
      annotations: { b: "1" },
      platform,
    });
  });

  test.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a list", []],
    ["text", "x"],
    ["no mediaType", { ...core, mediaType: undefined }],
    ["an empty mediaType", { ...core, mediaType: "" }],
    ["no digest", { ...core, digest: undefined }],
    ["a digest that is a path", { ...core, digest: "sha256:../../etc/passwd" }],
    ["a digest in upper case", { ...core, digest: digest.toUpperCase() }],
    ["no size", { ...core, size: undefined }],
    ["a size as text", { ...core, size: "7" }],
    ["a negative size", { ...core, size: -1 }],
    ["half a byte", { ...core, size: 0.5 }],
    ["a size that is not safe", { ...core, size: 2 ** 53 }],
    ["a size without end", { ...core, size: Number.POSITIVE_INFINITY }],
    ["annotations that are a list", { ...core, annotations: [] }],
    ["an annotation that is a number", { ...core, annotations: { a: 1 } }],
    ["a platform that is text", { ...core, platform: "linux/amd64" }],
    [
      "a variant that is a number",
      { ...core, platform: { os: "linux", architecture: "arm", variant: 7 } },
    ],
    ["urls that are text", { ...core, urls: "https://example.com" }],
    ["a url that is no text", { ...core, urls: [1] }],
    ["data that is no text", { ...core, data: {} }],
    ["an artifactType that is no text", { ...core, artifactType: 1 }],
  ])("refuses %s", (_, value) => {
    expect(() => parseDescriptor(value, "layers[2]")).toThrow(
      expect.objectContaining({ code: "CONTENT_INVALID", subject: "descriptor layers[2]" }),
    );
  });
});

describe("coreOf()", () => {
  test("is what identifies content", () => {
    expect(coreOf({ ...core, annotations: { a: "1" }, data: "" })).toEqual(core);
  });
});
