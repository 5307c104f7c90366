import { describe, expect, test } from "vitest";
import { childrenOf, isForeignLayer } from "../../src/oci/children.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";

const descriptor = (mediaType: string, urls?: readonly string[]): Descriptor => ({
  mediaType,
  digest: digestOf(mediaType),
  size: 1,
  ...(urls ? { urls } : {}),
});

const FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const URLS = ["https://example.com/layer"];

describe("childrenOf()", () => {
  test("of a manifest are its config and layers, also foreign ones, and not its subject", () => {
    const config = descriptor(MEDIA_TYPE.imageConfig);
    const layer = descriptor(MEDIA_TYPE.imageLayerGzip);
    const children = childrenOf({
      kind: "manifest",
      mediaType: MEDIA_TYPE.imageManifest,
      config,
      layers: [descriptor(FOREIGN, URLS), layer],
      subject: descriptor(MEDIA_TYPE.imageManifest),
    });
    expect(children).toEqual({
      manifests: [],
      blobs: [config, descriptor(FOREIGN, URLS), layer],
    });
  });

  test("of an index are manifests and, with other media types, blobs", () => {
    const nested = descriptor(MEDIA_TYPE.imageIndex);
    const child = descriptor(MEDIA_TYPE.dockerManifest);
    const other = descriptor("application/vnd.example");
    const children = childrenOf({
      kind: "index",
      mediaType: MEDIA_TYPE.imageIndex,
      manifests: [other, nested, child],
    });
    expect(children).toEqual({ manifests: [nested, child], blobs: [other] });
  });
});

describe("isForeignLayer()", () => {
  test.each<[string, Descriptor, boolean]>([
    ["Docker's foreign layer", descriptor(FOREIGN, URLS), true],
    [
      "OCI's layer that may not be distributed",
      descriptor("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", URLS),
      true,
    ],
    ["a foreign layer without urls", descriptor(FOREIGN), false],
    ["a foreign layer with no urls left", descriptor(FOREIGN, []), false],
    ["a plain layer with urls", descriptor(MEDIA_TYPE.imageLayerGzip, URLS), false],
  ])("%s: %s", (_, layer, isForeign) => {
    expect(isForeignLayer(layer)).toBe(isForeign);
  });
});
