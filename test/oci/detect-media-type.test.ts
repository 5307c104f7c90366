import { describe, expect, test } from "vitest";
import { detectMediaType } from "../../src/oci/detect-media-type.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";

describe("detectMediaType()", () => {
  test.each<[string, unknown, string]>([
    ["its own field", { mediaType: MEDIA_TYPE.dockerManifest }, MEDIA_TYPE.dockerManifest],
    [
      "its own field before its shape",
      { mediaType: MEDIA_TYPE.dockerManifestList, manifests: [] },
      MEDIA_TYPE.dockerManifestList,
    ],
    ["its shape", { manifests: [] }, MEDIA_TYPE.imageIndex],
    [
      "its shape, if the field is foreign",
      { mediaType: "text/plain", manifests: [] },
      MEDIA_TYPE.imageIndex,
    ],
    ["a manifest otherwise", { config: {}, layers: [] }, MEDIA_TYPE.imageManifest],
    ["a manifest, if there is nothing to see", null, MEDIA_TYPE.imageManifest],
  ])("goes by %s", (_, document, mediaType) => {
    expect(detectMediaType(Buffer.from(JSON.stringify(document)), "it")).toBe(mediaType);
  });
});
