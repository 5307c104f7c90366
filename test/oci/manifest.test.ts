import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";

const descriptor = (mediaType: string, content = "content") => ({
  mediaType,
  digest: digestOf(content),
  size: content.length,
});

const config = descriptor(MEDIA_TYPE.imageConfig);
const layers = [descriptor(MEDIA_TYPE.imageLayerGzip, "a"), descriptor(MEDIA_TYPE.imageLayer, "b")];
const manifests = [
  { ...descriptor(MEDIA_TYPE.imageManifest), platform: { os: "linux", architecture: "amd64" } },
];
const image = { schemaVersion: 2, config, layers };
const list = { schemaVersion: 2, manifests };

function parse(document: unknown, mediaType: string = MEDIA_TYPE.imageManifest) {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return parseManifest(Buffer.from(text), mediaType, "web:v1");
}

describe("parseManifest()", () => {
  test.each([MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest])("reads %s", (mediaType) => {
    const expected = { kind: "manifest", mediaType, config, layers };
    expect(parse(image, mediaType)).toEqual(expected);
    expect(parse({ ...image, mediaType }, mediaType)).toEqual(expected);
  });

  test.each([MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerManifestList])("reads %s", (mediaType) => {
    expect(parse({ ...list, mediaType }, mediaType)).toEqual({
      kind: "index",
      mediaType,
      manifests,
    });
  });

  test("reads artifacts, subjects and annotations", () => {
    const fields = {
      artifactType: "application/vnd.example",
      subject: descriptor(MEDIA_TYPE.imageManifest, "subject"),
      annotations: { "org.example.Name": "1", "org.example.name": "2" },
    };
    expect(parse({ ...image, ...fields, layers: [] })).toMatchObject({ ...fields, layers: [] });
    const { artifactType, ...shared } = fields;
    expect(parse({ ...list, ...shared }, MEDIA_TYPE.imageIndex)).toMatchObject(shared);
    expect(artifactType).toBeDefined();
  });

  test("reads artifact manifests, which have no schemaVersion and no config", () => {
    const mediaType = MEDIA_TYPE.artifactManifest;
    const blobs = [descriptor("text/plain")];
    const artifact = { mediaType, artifactType: "application/vnd.example", blobs };
    expect(parse(artifact, mediaType)).toEqual({ kind: "artifact", ...artifact });
    expect(parse({ mediaType }, mediaType)).toMatchObject({ kind: "artifact", blobs: [] });
  });

  test("takes null for an empty list and for absent fields", () => {
    const nulls = { subject: null, annotations: null, mediaType: null };
    expect(parse({ ...image, ...nulls, layers: null })).toMatchObject({ layers: [] });
    expect(parse({ ...nulls, schemaVersion: 2, manifests: null }, MEDIA_TYPE.imageIndex)).toEqual({
      kind: "index",
      mediaType: MEDIA_TYPE.imageIndex,
      manifests: [],
    });
  });

  test.each<[string, unknown, string, RegExp]>([
    [
      "manifest and index at once, served as manifest (CVE-2021-41190)",
      { ...image, manifests },
      MEDIA_TYPE.imageManifest,
      /both an index and an image/,
    ],
    [
      "manifest and index at once, served as index (CVE-2021-41190)",
      { ...list, layers },
      MEDIA_TYPE.imageIndex,
      /both an index and an image/,
    ],
    [
      "an index with a config",
      { ...list, config },
      MEDIA_TYPE.imageIndex,
      /both an index and an image/,
    ],
    [
      "an index that hides its layers in null",
      { ...list, layers: null },
      MEDIA_TYPE.imageIndex,
      /both an index/,
    ],
    ["schema 1 and 2 at once", { ...image, fsLayers: [] }, MEDIA_TYPE.imageManifest, /schema 1/],
    [
      "an index served as a manifest",
      { ...list, mediaType: MEDIA_TYPE.imageIndex },
      MEDIA_TYPE.imageManifest,
      /calls itself/,
    ],
    ["an index without mediaType served as a manifest", list, MEDIA_TYPE.imageManifest, /config/],
    [
      "a manifest without mediaType served as an index",
      image,
      MEDIA_TYPE.imageIndex,
      /manifests is not an array/,
    ],
    [
      "a Docker manifest served as OCI",
      { ...image, mediaType: MEDIA_TYPE.dockerManifest },
      MEDIA_TYPE.imageManifest,
      /calls itself/,
    ],
    [
      "a mediaType that is no text",
      { ...image, mediaType: 1 },
      MEDIA_TYPE.imageManifest,
      /calls itself/,
    ],
    ["schemaVersion 1", { ...image, schemaVersion: 1 }, MEDIA_TYPE.imageManifest, /schemaVersion/],
    ["no schemaVersion", { config, layers }, MEDIA_TYPE.imageManifest, /schemaVersion/],
    ["no layers", { schemaVersion: 2, config }, MEDIA_TYPE.imageManifest, /layers is not an array/],
    ["no config", { schemaVersion: 2, layers }, MEDIA_TYPE.imageManifest, /descriptor config/],
    [
      "layers that are an object",
      { ...image, layers: {} },
      MEDIA_TYPE.imageManifest,
      /layers is not an array/,
    ],
    [
      "a broken layer",
      { ...image, layers: [layers[0], {}] },
      MEDIA_TYPE.imageManifest,
      /layers\[1\]/,
    ],
    ["a broken subject", { ...image, subject: {} }, MEDIA_TYPE.imageManifest, /descriptor subject/],
    [
      "annotations that are no texts",
      { ...image, annotations: { a: 1 } },
      MEDIA_TYPE.imageManifest,
      /annotations/,
    ],
    ["a list", [], MEDIA_TYPE.imageManifest, /not a JSON object/],
    ["null", null, MEDIA_TYPE.imageManifest, /not a JSON object/],
    ["no JSON", "<html>", MEDIA_TYPE.imageManifest, /not JSON/],
    ["another media type", image, "application/json", /is not a manifest's/],
    ["schema 1", image, "application/vnd.docker.distribution.manifest.v1+prettyjws", /schema 1/],
  ])("refuses %s", (_, document, mediaType, message) => {
    expect(() => parse(document, mediaType)).toThrow(
      expect.objectContaining({ code: "CONTENT_INVALID" }),
    );
    expect(() => parse(document, mediaType)).toThrow(message);
  });

  test("takes an empty mediaType and annotations without a value for absent", () => {
    const { mediaType, ...told } = { ...image, mediaType: "" };
    const document = parse({ ...told, mediaType, annotations: { a: null, b: "1" } });
    expect(document).toMatchObject({
      mediaType: MEDIA_TYPE.imageManifest,
      annotations: { b: "1" },
    });
  });

  test.each([
    [
      "a key twice",
      `{"schemaVersion":2,"config":${JSON.stringify(config)},"layers":[],"layers":[]}`,
    ],
    [
      "a key in another case",
      `{"schemaVersion":2,"config":${JSON.stringify(config)},"layers":[],"Layers":[]}`,
    ],
    ["a digest in another case", JSON.stringify(image).replace('"size"', '"Digest":"x","size"')],
    [
      "a size that no number holds",
      JSON.stringify(image).replace(/"size":\d+/, '"size":9007199254740993'),
    ],
  ])("refuses %s", (_, text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "CONTENT_INVALID" }));
  });
});
