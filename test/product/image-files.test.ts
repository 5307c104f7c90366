import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { type ImageManifest, parseManifest } from "../../src/oci/manifest.ts";
import { readImageFiles } from "../../src/product/image-files.ts";
import type { ContentSource } from "../../src/store/store.ts";
import { image, layer, randomLayer } from "../support/artifacts.ts";

type Layers = NonNullable<Exclude<NonNullable<Parameters<typeof image>[0]>["layers"], number>>;

/** An image and where its layers are; `tamper` may change the bytes on their way. */
function opened(layers: Layers, tamper: (bytes: Buffer) => Buffer = (bytes) => bytes) {
  const { manifest, blobs } = image({ layers });
  const fetched: string[] = [];
  const source: Pick<ContentSource, "fetch"> = {
    async fetch({ digest }) {
      fetched.push(digest);
      const blob = blobs.find(({ descriptor }) => descriptor.digest === digest);
      if (blob === undefined) throw new Error(`no blob ${digest}`);
      const content = blob.content.open(0, blob.content.size);
      const chunks = await content.toArray();
      return Readable.from([tamper(Buffer.concat(chunks))]);
    },
  };
  const { bytes, descriptor } = manifest;
  const document = parseManifest(bytes, descriptor.mediaType, "test") as ImageManifest;
  return { manifest: document, source, fetched };
}

async function read(
  image: Pick<ReturnType<typeof opened>, "manifest" | "source">,
  ...names: string[]
) {
  const files = await readImageFiles({ ...image, names });
  return Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.toString()]));
}

describe("readImageFiles()", () => {
  test("reads upper layers first", async () => {
    const opening = opened([layer({ a: "lower", b: "lower" }), layer({ a: "upper" })]);
    expect(await read(opening, "a", "b", "c")).toEqual({ a: "upper", b: "lower" });
  });

  test("fetches no layer below the last file that it finds", async () => {
    const opening = opened([layer({ z: "1" }), layer({ a: "2" }), layer({ b: "3" })]);
    expect(await read(opening, "a")).toEqual({ a: "2" });
    expect(opening.fetched).toHaveLength(2);
  });

  test("does not see what an upper layer removed", async () => {
    const opening = opened([
      layer({ "d/a": "1", "e/b": "2", f: "3" }),
      layer({ "d/.wh.a": "", "e/.wh..wh..opq": "" }),
    ]);
    expect(await read(opening, "d/a", "e/b", "f")).toEqual({ f: "3" });
  });

  test("sees a file that is put back above its removal", async () => {
    const opening = opened([layer({ a: "1" }), layer({ ".wh.a": "" }), layer({ a: "3" })]);
    expect(await read(opening, "a")).toEqual({ a: "3" });
  });

  test("sees a file that stands beside the whiteout of its own layer", async () => {
    const opening = opened([layer({ "d/a": "1" }), layer({ "d/.wh..wh..opq": "", "d/a": "2" })]);
    expect(await read(opening, "d/a")).toEqual({ "d/a": "2" });
  });

  test("takes no layers from elsewhere, and no empty descriptors", async () => {
    const { manifest, source } = opened([layer({ a: "1" })]);
    const foreign: Descriptor = {
      mediaType: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      digest: digestOf("elsewhere"),
      size: 9,
      urls: ["https://example.com/layer"],
    };
    const empty: Descriptor = {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: digestOf("{}"),
      size: 2,
    };
    const layers = [...manifest.layers, foreign, empty];
    expect(await read({ manifest: { ...manifest, layers }, source }, "a")).toEqual({ a: "1" });
  });

  test.each<[string, (bytes: Buffer) => Buffer, RegExp]>([
    ["is too short", (bytes) => bytes.subarray(0, -1), /it ends after/],
    ["is too long", (bytes) => Buffer.concat([bytes, Buffer.alloc(1)]), /it is longer/],
    [
      "has other bytes",
      (bytes) => Buffer.from(bytes.toString("latin1").replace("truth", "false"), "latin1"),
      /./,
    ],
  ])("refuses a layer that %s", async (_, tamper, message) => {
    const opening = opened([layer({ a: "truth" })], tamper);
    const reading = read(opening, "a", "missing");
    await expect(reading).rejects.toThrow(message);
    await expect(read(opening, "a")).rejects.toMatchObject({
      code: expect.stringMatching(/^CONTENT_(MISMATCH|INVALID)$/),
    });
  });

  test("names a layer that is no archive", async () => {
    const noise = randomLayer(10_000);
    await expect(read(opened([noise]), "a")).rejects.toMatchObject({
      code: "CONTENT_INVALID",
      subject: `layer ${noise.descriptor.digest}`,
    });
  });
});
