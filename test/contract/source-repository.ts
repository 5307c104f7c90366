import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { RepositorySource, SourceRepository } from "../../src/store/store.ts";
import { AMD64, ARM64, artifact, image, index, layer } from "../support/artifacts.ts";

const HELD_IMAGE = image({ layers: [layer({ "a.bin": Buffer.alloc(300_000, "content ") })] });
const SIGNATURE_TYPE = "application/vnd.example.signature";

/** What a store under test holds: an index, an image, and two artifacts that belong to the image. */
export const HELD: Readonly<Record<string, BuiltArtifact>> = {
  latest: index([image({ name: "a", platform: AMD64 }), image({ name: "b", platform: ARM64 })]),
  v1: HELD_IMAGE,
  signature: artifact({
    subject: HELD_IMAGE.manifest.descriptor,
    artifactType: SIGNATURE_TYPE,
    annotations: { "org.example.by": "alice" },
  }),
  sbom: artifact({
    subject: HELD_IMAGE.manifest.descriptor,
    artifactType: "application/vnd.example.sbom",
  }),
};

export interface OpenedSource extends AsyncDisposable {
  readonly store: SourceRepository;
  /** A repository of the same kind that does not exist. */
  readonly absent: SourceRepository;
  /** All repositories beside it, and the path that it has among them. */
  readonly all: RepositorySource;
  readonly path: string;
}

/** What every `SourceRepository` promises. */
export function describeSourceRepository(name: string, open: () => Promise<OpenedSource>): void {
  const missing = expect.stringMatching(/^(CONTENT_MISSING|REGISTRY_NOT_FOUND)$/);
  const nothing = { mediaType: MEDIA_TYPE.imageLayer, digest: digestOf("nothing"), size: 7 };
  const large = HELD["v1"]?.blobs[1];
  if (!large) throw new Error("the image has no layer");
  const content = buffer(large.content.open(0, large.content.size));

  describe(`${name} as a source`, () => {
    test.each([0, 1, 299_999])("fetches content from byte %i to its end", async (offset) => {
      await using source = await open();
      const body = await source.store.fetch(large.descriptor, { offset });
      expect((await buffer(body)).equals((await content).subarray(offset))).toBe(true);
    });

    test("fetches nothing from the end of content", async () => {
      await using source = await open();
      const body = await source.store.fetch(large.descriptor, { offset: large.descriptor.size });
      expect(await buffer(body)).toHaveLength(0);
    });

    test.each([
      [0, 1],
      [0, 299_999],
      [70_000, 70_001],
      [150_000, 300_200],
    ])("fetches content from byte %i up to byte %i", async (offset, end) => {
      await using source = await open();
      const body = await source.store.fetch(large.descriptor, { offset, end });
      expect((await buffer(body)).equals((await content).subarray(offset, end))).toBe(true);
    });

    test("fetches nothing between two positions that are the same", async () => {
      await using source = await open();
      const body = await source.store.fetch(large.descriptor, { offset: 0, end: 0 });
      expect(await buffer(body)).toHaveLength(0);
    });

    test("tells the size of content by nothing but its digest", async () => {
      await using source = await open();
      const { store } = source;
      const { descriptor } = HELD_IMAGE.manifest;
      expect(await store.stat(large.descriptor.digest)).toEqual({ size: large.descriptor.size });
      expect(await store.stat(descriptor.digest)).toEqual({ size: descriptor.size });
      expect(await store.stat(nothing.digest)).toBeUndefined();
    });

    test("lists what has a manifest as its subject", async () => {
      await using source = await open();
      const { digest } = HELD_IMAGE.manifest.descriptor;
      const found = await source.store.referrers(digest);
      const signed = {
        ...HELD["signature"]?.manifest.descriptor,
        artifactType: SIGNATURE_TYPE,
        annotations: { "org.example.by": "alice" },
      };
      expect(found).toHaveLength(2);
      expect(found).toContainEqual(signed);
      expect(await source.store.referrers(digest, { artifactType: SIGNATURE_TYPE })).toEqual([
        signed,
      ]);
    });

    test("lists nothing for a manifest without referrers and for one that is not there", async () => {
      await using source = await open();
      const { digest = nothing.digest } = HELD["latest"]?.manifest.descriptor ?? {};
      expect(await source.store.referrers(digest)).toEqual([]);
      expect(await source.store.referrers(nothing.digest)).toEqual([]);
    });

    test("is one of its repositories", async () => {
      await using source = await open();
      const paths: string[] = [];
      for await (const path of source.all.listRepositories()) paths.push(path);
      expect(paths).toContain(source.path);
      const store = source.all.repository(source.path);
      expect(await store.resolve("v1")).toEqual(HELD_IMAGE.manifest.descriptor);
    });

    test("fetches the same content twice at once", async () => {
      await using source = await open();
      const bodies = await Promise.all([
        source.store.fetch(large.descriptor),
        source.store.fetch(large.descriptor),
      ]);
      const [left, right] = await Promise.all(bodies.map((body) => buffer(body)));
      expect(left?.equals(right ?? Buffer.alloc(0))).toBe(true);
      expect(digestOf(left ?? "")).toBe(large.descriptor.digest);
    });

    test("fetches a manifest as content", async () => {
      await using source = await open();
      const { bytes, descriptor } = HELD["v1"]?.manifest ?? {
        bytes: undefined,
        descriptor: nothing,
      };
      expect(await buffer(await source.store.fetch(descriptor))).toEqual(bytes);
    });

    test("says that content is missing when it is fetched", async () => {
      await using source = await open();
      const fetched = async () => buffer(await source.store.fetch(nothing));
      await expect(fetched()).rejects.toMatchObject({ code: missing });
    });

    test("knows what exists", async () => {
      await using source = await open();
      const { store } = source;
      const known = [
        large.descriptor,
        ...Object.values(HELD).map((held) => held.manifest.descriptor),
      ];
      for (const descriptor of known) expect(await store.exists(descriptor)).toBe(true);
      expect(await store.exists(nothing)).toBe(false);
      expect(await store.exists({ ...nothing, mediaType: MEDIA_TYPE.imageManifest })).toBe(false);
    });

    test.each(Object.keys(HELD))("gives manifest %s by tag and by digest", async (tag) => {
      await using source = await open();
      const { manifest } = HELD[tag] ?? {};
      expect(await source.store.fetchManifest(tag)).toEqual(manifest);
      const digest = manifest?.descriptor.digest ?? "";
      expect(await source.store.fetchManifest(digest)).toEqual(manifest);
    });

    test("gives the children of an index by digest", async () => {
      await using source = await open();
      for (const { manifest } of HELD["latest"]?.children ?? []) {
        const found = await source.store.fetchManifest(manifest.descriptor.digest);
        expect(found).toEqual(manifest);
      }
    });

    test.each(Object.keys(HELD))("resolves tag %s and its digest", async (tag) => {
      await using source = await open();
      const descriptor = HELD[tag]?.manifest.descriptor;
      expect(await source.store.resolve(tag)).toEqual(descriptor);
      expect(await source.store.resolve(descriptor?.digest ?? "")).toEqual(descriptor);
    });

    test.each(["unknown", nothing.digest])(
      "says that manifest %s is missing",
      async (reference) => {
        await using source = await open();
        const { store } = source;
        await expect(store.fetchManifest(reference)).rejects.toMatchObject({ code: missing });
        await expect(store.resolve(reference)).rejects.toMatchObject({ code: missing });
      },
    );

    test("lists its tags", async () => {
      await using source = await open();
      const tags: string[] = [];
      for await (const tag of source.store.listTags()) tags.push(tag);
      // Where there is no API for referrers, clients keep a tag for each subject
      const own = tags.filter((tag) => !tag.startsWith("sha256-"));
      expect(own.sort()).toEqual(Object.keys(HELD).sort());
    });

    test("says that a repository is missing when its tags are listed", async () => {
      await using source = await open();
      const listed = async () => {
        for await (const tag of source.absent.listTags()) return tag;
        return undefined;
      };
      await expect(listed()).rejects.toMatchObject({ code: missing });
    });
  });
}
