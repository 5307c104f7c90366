import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { SourceRepository } from "../../src/store/store.ts";
import { AMD64, ARM64, image, index, layer } from "../support/artifacts.ts";

/** What a store under test holds: an index under two tags, and an image under one. */
export const HELD: Readonly<Record<string, BuiltArtifact>> = {
  latest: index([image({ name: "a", platform: AMD64 }), image({ name: "b", platform: ARM64 })]),
  v1: image({ layers: [layer({ "a.bin": Buffer.alloc(300_000, "content ") })] }),
};

export interface OpenedSource extends AsyncDisposable {
  readonly store: SourceRepository;
  /** A repository of the same kind that does not exist. */
  readonly absent: SourceRepository;
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
      expect(tags.sort()).toEqual(Object.keys(HELD).sort());
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
