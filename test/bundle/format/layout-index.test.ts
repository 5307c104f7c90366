import { describe, expect, test } from "vitest";
import {
  renderArchiveManifest,
  renderLayoutIndex,
} from "../../../src/bundle/format/layout-index.ts";
import { type Blobs, imageContents } from "../support/contents.ts";

const blobs: Blobs = new Map();

interface Index {
  readonly schemaVersion: number;
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly digest: string;
    readonly annotations: Readonly<Record<string, string>>;
  }[];
}

const REF_NAME = "org.opencontainers.image.ref.name";
const SHORT_TAG = "io.deckhouse.image.short_tag";
const CONTAINERD = "io.containerd.image.name";

describe("renderLayoutIndex()", () => {
  test("lists one descriptor per tag, sorted, with the tag to push under", () => {
    const one = imageContents(blobs, "one", { tags: ["v1.0.0", "latest"] });
    const two = imageContents(blobs, "two", { tags: ["edge"] });
    const index = JSON.parse(
      renderLayoutIndex({ path: "modules/foo", images: [one, two] }, "module"),
    ) as Index;
    expect(index).toMatchObject({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.index.v1+json",
    });
    expect(index.manifests).toEqual(
      [
        { tag: "edge", ...two.root },
        { tag: "latest", ...one.root },
        { tag: "v1.0.0", ...one.root },
      ].map(({ tag, mediaType, digest, size }) => ({
        mediaType,
        digest,
        size,
        annotations: {
          [SHORT_TAG]: tag,
          [REF_NAME]: `registry.test/acme/modules/foo:${tag}`,
        },
      })),
    );
  });

  test("refers to an image that is tagged with its digest by the digest", () => {
    const { root } = imageContents(blobs, "one");
    const image = imageContents(blobs, "one", { tags: [root.digest.slice(7)] });
    const { manifests } = JSON.parse(
      renderLayoutIndex({ path: "modules/foo", images: [image] }, "module"),
    ) as Index;
    expect(manifests[0]?.annotations).toEqual({
      [SHORT_TAG]: root.digest.slice(7),
      [REF_NAME]: `registry.test/acme/modules/foo@${root.digest}`,
    });
  });

  test("refers to a rewritten index by its new digest, under the tag of the old one", () => {
    const old = "a".repeat(64);
    const fields = { sourceDigest: `sha256:${old}` };
    const image = imageContents(blobs, "one", { tags: [old], fields });
    const { manifests } = JSON.parse(
      renderLayoutIndex({ path: "modules/foo", images: [image] }, "module"),
    ) as Index;
    expect(manifests[0]?.annotations).toEqual({
      [SHORT_TAG]: old,
      [REF_NAME]: `registry.test/acme/modules/foo@${image.root.digest}`,
    });
  });

  test("names the image for containerd in images.tar, and gives no tag to push under", () => {
    const image = imageContents(blobs, "one", { repository: "web" });
    const { manifests } = JSON.parse(
      renderLayoutIndex({ path: "", images: [image] }, "images"),
    ) as Index;
    const name = "registry.test/acme/web:one";
    expect(manifests[0]?.annotations).toEqual({ [CONTAINERD]: name, [REF_NAME]: name });
  });

  test("gives the tag to push under in the root layout of any other package", () => {
    const image = imageContents(blobs, "one", { repository: "", tags: ["v1"] });
    const { manifests } = JSON.parse(
      renderLayoutIndex({ path: "", images: [image] }, "platform"),
    ) as Index;
    expect(manifests[0]?.annotations).toMatchObject({ [SHORT_TAG]: "v1" });
    expect(manifests[0]?.annotations).not.toHaveProperty([CONTAINERD]);
  });

  test("sorts by repository before tag", () => {
    const images = [
      imageContents(blobs, "one", { repository: "b", tags: ["a"] }),
      imageContents(blobs, "two", { repository: "a", tags: ["z", "b"] }),
    ];
    const { manifests } = JSON.parse(renderLayoutIndex({ path: "", images }, "images")) as Index;
    expect(manifests.map(({ annotations }) => annotations[REF_NAME])).toEqual([
      "registry.test/acme/a:b",
      "registry.test/acme/a:z",
      "registry.test/acme/b:a",
    ]);
  });
});

describe("renderArchiveManifest()", () => {
  const archive = { config: `sha256:${"c".repeat(64)}`, layers: [`sha256:${"d".repeat(64)}`] };

  test("lists runnable images as docker save does", () => {
    const fields = { archive };
    const image = imageContents(blobs, "one", { repository: "web", tags: ["v1", "v2"], fields });
    const artifact = imageContents(blobs, "two");
    expect(
      JSON.parse(renderArchiveManifest({ path: "", images: [artifact, image] })) as unknown,
    ).toEqual([
      {
        Config: `blobs/sha256/${"c".repeat(64)}`,
        RepoTags: ["registry.test/acme/web:v1", "registry.test/acme/web:v2"],
        Layers: [`blobs/sha256/${"d".repeat(64)}`],
      },
    ]);
  });

  test("lists images for Windows where there are no others, as Docker refuses them on Linux", () => {
    const onWindows = imageContents(blobs, "one", {
      fields: { archive: { ...archive, os: "windows" } },
    });
    const onLinux = imageContents(blobs, "two", { tags: ["v2"], fields: { archive } });
    const listed = (images: readonly ReturnType<typeof imageContents>[]) =>
      JSON.parse(renderArchiveManifest({ path: "", images })).length;
    expect(listed([onWindows])).toBe(1);
    expect(listed([onWindows, onWindows, onLinux])).toBe(1);
  });

  test("gives no name to an image that has only a digest", () => {
    const { root } = imageContents(blobs, "one");
    const image = imageContents(blobs, "one", {
      tags: [root.digest.slice(7)],
      fields: { archive },
    });
    expect(JSON.parse(renderArchiveManifest({ path: "", images: [image] }))).toMatchObject([
      { RepoTags: null },
    ]);
  });
});
