import { describe, expect, test } from "vitest";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { parseManifest } from "../../../src/oci/manifest.ts";
import { MEDIA_TYPE } from "../../../src/oci/media-type.ts";
import { chooseArchive } from "../../../src/pull/plan/choose-archive.ts";
import { AMD64, ARM64, artifact, blob, image, layer } from "../../support/artifacts.ts";

type Artifact = ReturnType<typeof image>;

const walked = ({ manifest }: Artifact, fields: Partial<Descriptor> = {}) => ({
  descriptor: { ...manifest.descriptor, ...fields },
  document: parseManifest(manifest.bytes, manifest.descriptor.mediaType, "a manifest"),
  bytes: manifest.bytes,
});

const configOf = ({ manifest }: Artifact) => JSON.parse(String(manifest.bytes)).config.digest;

/** An image but for the type of its layer, or its config. */
function likeImage(type: string, config = '{"rootfs":{"diff_ids":["sha256:'.padEnd(120, "0")) {
  const { content } = layer({ "a.txt": "a" });
  return artifact({
    config: blob(MEDIA_TYPE.imageConfig, Buffer.from(config)),
    blobs: [{ descriptor: { ...blob(type, Buffer.from("a")).descriptor }, content }],
  });
}

describe("what a runtime can load", () => {
  test.each([
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  ])("has layers of type %s", (type) => {
    expect(chooseArchive([walked(likeImage(type))], AMD64)).toBeDefined();
  });

  test.each([
    "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
    "application/vnd.oci.image.layer.nydus.blob.v1",
    "application/vnd.oci.image.layer.v1.squashfs",
    "application/vnd.ollama.image.model",
  ])("has none of type %s", (type) => {
    expect(chooseArchive([walked(likeImage(type))], AMD64)).toBeUndefined();
  });

  test("has a config that lists its layers", () => {
    const made = likeImage("application/vnd.oci.image.layer.v1.tar+gzip", "{}");
    expect(chooseArchive([walked(made)], AMD64)).toBeUndefined();
  });

  test.each(["darwin", "freebsd", "unknown"])("is not for %s alone", (os) => {
    const bottle = walked(image(), { platform: { os, architecture: "arm64" } });
    expect(chooseArchive([bottle], AMD64)).toBeUndefined();
  });

  test.each([
    ["windows", { os: "windows" }],
    ["linux", {}],
  ])("without an index is for %s as its config says", (os, fields) => {
    const plain = walked(image());
    const platforms = new Map([[plain.descriptor.digest, { os, architecture: "amd64" }]]);
    const told = { platforms, layerCounts: new Map() };
    expect(chooseArchive([plain], AMD64, told)).toMatchObject(fields);
    expect(chooseArchive([plain], AMD64, told)?.os).toBe(os === "windows" ? os : undefined);
  });

  test.each(["darwin", "freebsd", "wasip1"])("without an index is not for %s", (os) => {
    const plain = walked(image());
    const platforms = new Map([[plain.descriptor.digest, { os, architecture: "amd64" }]]);
    const told = { platforms, layerCounts: new Map() };
    expect(chooseArchive([plain], AMD64, told)).toBeUndefined();
  });

  test("has as many layers as its config lists", () => {
    const plain = walked(image());
    const told = (count: number) => ({
      platforms: new Map(),
      layerCounts: new Map([[plain.descriptor.digest, count]]),
    });
    expect(chooseArchive([plain], AMD64, told(1))).toBeDefined();
    expect(chooseArchive([plain], AMD64, told(2))).toBeUndefined();
  });

  test("is the image for the wanted platform, then one for Linux, then one for Windows", () => {
    const images = ["w", "arm", "amd"].map((name) => image({ name }));
    const [w, arm, amd] = images as [Artifact, Artifact, Artifact];
    const windows = walked(w, { platform: { os: "windows", architecture: "amd64" } });
    const onArm = walked(arm, { platform: ARM64 });
    const onAmd = walked(amd, { platform: AMD64 });
    expect(chooseArchive([windows, onArm, onAmd], AMD64)?.config).toBe(configOf(amd));
    expect(chooseArchive([windows, onArm], AMD64)?.config).toBe(configOf(arm));
    expect(chooseArchive([windows], AMD64)).toMatchObject({ config: configOf(w), os: "windows" });
  });

  test("has a platform where it lies beside something else", () => {
    const chart = walked(artifact());
    expect(chooseArchive([chart, walked(image())], AMD64)).toBeUndefined();
    expect(chooseArchive([chart, walked(image(), { platform: AMD64 })], AMD64)).toBeDefined();
    expect(chooseArchive([walked(image())], AMD64)).toBeDefined();
  });
});
