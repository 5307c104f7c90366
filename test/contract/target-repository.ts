import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { BuiltArtifact } from "../../src/demo/image-builder.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { TargetRepository } from "../../src/store/store.ts";
import { artifact, image } from "../support/artifacts.ts";

export interface OpenedTarget extends AsyncDisposable {
  readonly store: TargetRepository;
}

/** What every empty `TargetRepository` promises. */
export function describeTargetRepository(name: string, open: () => Promise<OpenedTarget>): void {
  const bytes = Buffer.alloc(200_000, "content ");
  const blob = { mediaType: MEDIA_TYPE.imageLayer, digest: digestOf(bytes), size: bytes.length };
  const opener = (content: Buffer) => (offset: number) => Readable.from([content.subarray(offset)]);

  async function pushBlobs(store: TargetRepository, { blobs }: BuiltArtifact): Promise<void> {
    for (const { content, descriptor } of blobs) {
      await store.push(descriptor, (offset) => content.open(offset, content.size));
    }
  }

  describe(`${name} as a target`, () => {
    test("has content after it is pushed", async () => {
      await using target = await open();
      const { store } = target;
      expect(await store.exists(blob)).toBe(false);
      expect(await store.push(blob, opener(bytes))).toEqual({
        outcome: "uploaded",
        sentBytes: bytes.length,
      });
      expect(await store.exists(blob)).toBe(true);
      expect((await buffer(await store.fetch(blob))).equals(bytes)).toBe(true);
    });

    test("is not sent content that it has", async () => {
      await using target = await open();
      await target.store.push(blob, opener(bytes));
      const unused = () => {
        throw new Error("the content is opened");
      };
      expect(await target.store.push(blob, unused)).toEqual({
        outcome: "already-there",
        sentBytes: 0,
      });
    });

    test("takes empty content", async () => {
      await using target = await open();
      const empty = { mediaType: MEDIA_TYPE.imageLayer, digest: digestOf(""), size: 0 };
      await target.store.push(empty, () => Readable.from([]));
      expect(await target.store.exists(empty)).toBe(true);
    });

    test("counts progress up to the size", async () => {
      await using target = await open();
      const seen: number[] = [];
      await target.store.push(blob, opener(bytes), { onProgress: (sent) => seen.push(sent) });
      expect(seen.at(-1)).toBe(bytes.length);
      expect(seen).toEqual([...seen].sort((left, right) => left - right));
    });

    test("does not have content whose bytes were others", async () => {
      await using target = await open();
      const others = Buffer.alloc(bytes.length, "others ");
      await expect(target.store.push(blob, opener(others))).rejects.toThrow();
      expect(await target.store.exists(blob)).toBe(false);
    });

    test("has a manifest under its tag and its digest", async () => {
      await using target = await open();
      const { store } = target;
      const built = image();
      const { descriptor } = built.manifest;
      await pushBlobs(store, built);
      expect(await store.pushManifest(built.manifest, "v1")).toBe(descriptor.digest);
      expect(await store.fetchManifest("v1")).toEqual(built.manifest);
      expect(await store.fetchManifest(descriptor.digest)).toEqual(built.manifest);
    });

    test("has a manifest that was pushed by digest, without a tag", async () => {
      await using target = await open();
      const { store } = target;
      const built = image();
      const { descriptor } = built.manifest;
      await pushBlobs(store, built);
      await store.pushManifest(built.manifest, descriptor.digest);
      expect(await store.exists(descriptor)).toBe(true);
    });

    test("tells the size of what was pushed by nothing but its digest", async () => {
      await using target = await open();
      const { store } = target;
      expect(await store.stat(blob.digest)).toBeUndefined();
      await store.push(blob, opener(bytes));
      expect(await store.stat(blob.digest)).toEqual({ size: bytes.length });
    });

    test("gives what was pushed between two positions", async () => {
      await using target = await open();
      await target.store.push(blob, opener(bytes));
      const body = await target.store.fetch(blob, { offset: 9, end: 19 });
      expect((await buffer(body)).equals(bytes.subarray(9, 19))).toBe(true);
    });

    test("lists a manifest that was pushed among the referrers of its subject", async () => {
      await using target = await open();
      const { store } = target;
      const [subject, signature] = [image(), artifact({ subject: image().manifest.descriptor })];
      for (const built of [subject, signature]) await pushBlobs(store, built);
      await store.pushManifest(subject.manifest, "v1");
      await store.pushManifest(signature.manifest, signature.manifest.descriptor.digest);
      const found = await store.referrers(subject.manifest.descriptor.digest);
      expect(found.map(({ digest }) => digest)).toEqual([signature.manifest.descriptor.digest]);
    });

    test("moves a tag", async () => {
      await using target = await open();
      const { store } = target;
      const [one, two] = [image({ name: "one" }), image({ name: "two" })];
      for (const built of [one, two]) await pushBlobs(store, built);
      await store.pushManifest(one.manifest, "v1");
      await store.pushManifest(two.manifest, "v2");
      await store.tag(two.manifest.descriptor, "v1");
      expect(await store.resolve("v1")).toEqual(two.manifest.descriptor);
      expect(await store.exists(one.manifest.descriptor)).toBe(true);
    });

    test("refuses a manifest whose bytes do not have its digest", async () => {
      await using target = await open();
      const { descriptor, bytes: found } = image().manifest;
      const broken = { descriptor, bytes: Buffer.concat([found, Buffer.from(" ")]) };
      await expect(target.store.pushManifest(broken, "v1")).rejects.toMatchObject({
        code: "CONTENT_MISMATCH",
      });
    });
  });
}
