import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { describe, expect, test } from "vitest";
import { seedCatalogue } from "../../src/demo/catalogue.ts";
import { childrenOf } from "../../src/oci/children.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { RegistryContent } from "../../src/server/memory-content.ts";

describe("seedCatalogue()", () => {
  const content = new RegistryContent();
  seedCatalogue({ content });

  test("makes modules, releases, extra images and a multi-platform image", () => {
    const tags = [...content.repositories].map(([name, { tags }]) => [
      name,
      [...tags.keys()].sort(),
    ]);
    expect(Object.fromEntries(tags)).toEqual({
      "acme/modules": ["bar", "console", "foo"],
      "acme/modules/foo": ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1", "v2.0.0"],
      "acme/modules/foo/release": [
        ...["alpha", "beta", "early-access", "rock-solid", "stable"],
        ...["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1", "v2.0.0"],
      ],
      "acme/modules/bar": ["v0.4.2", "v0.4.4", "v0.5.3", "v0.6.1"],
      "acme/modules/bar/extra/enforcer": ["v4.5.6"],
      "acme/modules/bar/extra/scanner": ["3"],
      "acme/modules/bar/release": [
        ...["alpha", "lts", "stable"],
        ...["v0.4.2", "v0.4.4", "v0.5.3", "v0.6.1"],
      ],
      "acme/modules/console": ["bobV1", "v1.0.0", "v1.1.0", "v1.2.0"],
      "acme/modules/console/release": [
        ...["alpha", "beta", "early-access", "rock-solid", "stable"],
        ...["v1.0.0", "v1.1.0", "v1.2.0"],
      ],
      "acme/web": ["latest", "v1.0.0", "v2.1.0", "v2.1.4", "v3.0.0"],
    });
  });

  test("makes manifests that point only at what is there", () => {
    for (const { blobs, manifests } of content.repositories.values()) {
      for (const [digest, { bytes, mediaType }] of manifests) {
        expect(digestOf(bytes)).toBe(digest);
        const children = childrenOf(parseManifest(bytes, mediaType, digest));
        for (const child of children.manifests) expect(manifests.has(child.digest)).toBe(true);
        for (const child of children.blobs) expect(blobs.get(child.digest)?.size).toBe(child.size);
      }
    }
  });

  test("makes blobs with the digests that they are stored under", async () => {
    for (const { blobs } of content.repositories.values()) {
      for (const [digest, blob] of blobs) {
        expect(digestOf(await buffer(blob.open(0, blob.size)))).toBe(digest);
      }
    }
  });

  test("lists the internal images of a version by digest", async () => {
    const files = await filesOf("acme/modules/foo", "v1.3.3");
    const { manifests } = content.repository("acme/modules/foo");
    const digests = Object.values(JSON.parse(files["images_digests.json"] ?? "").foo as object);
    expect(digests).toHaveLength(2);
    expect(digests.every((digest) => manifests.has(digest))).toBe(true);
    expect(files["version.json"]).toBe('{"version":"v1.3.3"}');
  });

  test("names extra images with numbers and with strings", async () => {
    const files = await filesOf("acme/modules/bar", "v0.6.1");
    expect(files["extra_images.json"]).toBe('{"scanner":3,"enforcer":"v4.5.6"}');
  });

  test("has the same digests everywhere", () => {
    const { tags } = content.repository("acme/web");
    expect(tags.get("v3.0.0")).toMatchInlineSnapshot(
      `"sha256:a34fe3e62929802a132269f8715ff73f2d1584536c7ed052400aeeaa0477d8f5"`,
    );
    expect(content.repository("acme/modules/foo").tags.get("v1.4.1")).toMatchInlineSnapshot(
      `"sha256:29f0f114ee8dea84b4cecf373a67f6f0abb7cd5fb585994fff765847a3a9cbee"`,
    );
  });

  test("has a size that shows progress and does not bore", () => {
    const sizes = new Map<string, number>();
    for (const { blobs } of content.repositories.values()) {
      for (const [digest, { size }] of blobs) sizes.set(digest, size);
    }
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(20e6);
    expect(total).toBeLessThan(40e6);
  });

  async function filesOf(repository: string, tag: string): Promise<Record<string, string>> {
    const { blobs, manifests, tags } = content.repository(repository);
    const digest = tags.get(tag) ?? "";
    const { bytes, mediaType } = manifests.get(digest) ?? { bytes: Buffer.alloc(0), mediaType: "" };
    const document = parseManifest(bytes, mediaType, digest);
    const files: Record<string, string> = {};
    for (const layer of document.kind === "manifest" ? document.layers : []) {
      const blob = blobs.get(layer.digest);
      if (blob === undefined) throw new Error(`Layer ${layer.digest} is missing`);
      const archive = extract();
      archive.end(gunzipSync(await buffer(blob.open(0, blob.size))));
      for await (const entry of archive) files[entry.header.name] = String(await buffer(entry));
    }
    return files;
  }
});
