import { buffer } from "node:stream/consumers";
import { beforeEach, describe, expect, test } from "vitest";
import { inspectCache, pruneCache, removeFromCache } from "../../../src/cache/served/pull-cache.ts";
import { PullStore } from "../../../src/cache/served/pull-store.ts";
import { AMD64, ARM64, image, index, layer } from "../../support/artifacts.ts";
import { eachTest } from "../../support/fixture.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";

const SHARED = layer({ shared: "shared" });
const OWN = layer({ own: "own" });
const FIRST = index([
  image({ name: "amd64", platform: AMD64, layers: [SHARED, OWN] }),
  image({ name: "arm64", platform: ARM64, layers: [SHARED] }),
]);
const SECOND = image({ name: "second", layers: [SHARED] });
const HOUR = 3_600_000;
const NOW = Date.now();

const directory = eachTest(openTempDirectory);

beforeEach(async () => {
  await using store = await PullStore.open(directory.path, { now: () => NOW });
  await keep(store, "1", FIRST);
  await keep(store, "2", SECOND);
});

async function keep(store: PullStore, tag: string, built: typeof FIRST): Promise<void> {
  const { digest } = built.manifest.descriptor;
  const place = { namespace: "reg.example:5000", repository: "acme/web", tag };
  await store.tags.write(place, { digest, checkedAt: NOW, intervalMs: HOUR, firstMs: HOUR });
  await keepContent(store, built);
}

async function keepContent(store: PullStore, built: typeof FIRST): Promise<void> {
  await store.writeManifest(built.manifest);
  for (const child of built.children) await keepContent(store, child);
  for (const { content, descriptor } of built.blobs) {
    const range = { start: 0, end: descriptor.size };
    await buffer(await store.open(descriptor, range, (at) => content.open(at, content.size)));
  }
}

const names = async () => (await inspectCache(directory.path)).images.map((found) => found.image);

describe("the report of a cache", () => {
  test("names tags with their digests, also while a server uses it", async () => {
    await using _ = await PullStore.open(directory.path, { now: () => NOW });
    const report = await inspectCache(directory.path);
    const checkedAt = new Date(NOW).toISOString();
    expect(report.images).toEqual([
      { image: "reg.example:5000/acme/web:1", digest: FIRST.manifest.descriptor.digest, checkedAt },
      {
        image: "reg.example:5000/acme/web:2",
        digest: SECOND.manifest.descriptor.digest,
        checkedAt,
      },
    ]);
    expect(report.totals).toMatchObject({ manifests: 4, blobs: 5, parts: 0 });
  });

  test("is a failure where there is none", async () => {
    await expect(inspectCache(directory.resolve("none"))).rejects.toThrow(/none/);
  });
});

describe("removing an image", () => {
  test("takes along what no other one needs", async () => {
    const report = await removeFromCache(directory.path, ["reg.example:5000/acme/web:1"]);
    expect(await names()).toEqual(["reg.example:5000/acme/web:2"]);
    expect(report.totals).toMatchObject({ manifests: 1, blobs: 2 });
    expect(report.removed.files).toBe(6);
  });

  test("can be all tags of a repository", async () => {
    const report = await removeFromCache(directory.path, ["reg.example:5000/acme/web"]);
    expect([report.images, report.totals.bytes]).toEqual([[], 0]);
  });

  test("that is not there removes nothing", async () => {
    const images = ["reg.example:5000/acme/web:1", "docker.io/library/a:1"];
    await expect(removeFromCache(directory.path, images)).rejects.toThrow(
      "not in the cache: docker.io/library/a:1",
    );
    expect(await names()).toHaveLength(2);
  });

  test("is refused while a server uses the cache", async () => {
    await using _ = await PullStore.open(directory.path, { now: () => NOW });
    await expect(
      removeFromCache(directory.path, ["reg.example:5000/acme/web"]),
    ).rejects.toMatchObject({ code: "TARGET_LOCKED" });
  });
});

describe("pruning", () => {
  test("leaves what is neither too much nor too old", async () => {
    const { removed } = await pruneCache(directory.path, { ttlMs: HOUR });
    expect(removed).toEqual({ files: 0, bytes: 0 });
  });

  test("removes what is too old, and the tags of it", async () => {
    const now = () => NOW + 2 * HOUR;
    const report = await pruneCache(directory.path, { ttlMs: HOUR, now });
    expect([report.images, report.totals.bytes, report.removed.files]).toEqual([[], 0, 9]);
  });

  test("removes what is too much", async () => {
    const report = await pruneCache(directory.path, { limitBytes: 1000 });
    expect(report.totals.bytes).toBeLessThanOrEqual(1000);
    expect(report.removed.bytes).toBeGreaterThan(0);
  });
});
