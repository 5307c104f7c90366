import { createHash } from "node:crypto";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { ImageContents, PackageContents } from "../../../src/contents/contents.ts";
import type { Descriptor } from "../../../src/oci/descriptor.ts";
import { planWork } from "../../../src/pull/directory/transfer-plan.ts";

const IMAGES = 200;
const LAYERS = 98;
/** Of an entry or a task: some words, no objects. */
const BYTES_LIMIT = 100;

function descriptorOf(name: string): Descriptor {
  const digest = `sha256:${createHash("sha256").update(name).digest("hex")}`;
  return { mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: 64 };
}

function imageOf(name: string, layers: readonly Descriptor[]): ImageContents {
  const [root, config] = [descriptorOf(`${name} manifest`), descriptorOf(`${name} config`)];
  return {
    repository: "many",
    tags: [name],
    root,
    kind: "image",
    source: `registry.test/many:${name}`,
    platforms: [],
    documents: [root, config],
    layers,
    origin: { registry: "registry.test", repository: "many" },
  };
}

function packageOf(name: string, images: readonly ImageContents[]): PackageContents {
  return { name, kind: "module", layouts: [{ path: name, images }] };
}

/** Bytes in use when all that nobody needs is gone. */
function measure(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe("planWork()", () => {
  test("keeps of each of 20,000 blobs less than an object would take", () => {
    const images = Array.from({ length: IMAGES }, (_, image) => {
      const layers = Array.from({ length: LAYERS }, (_, at) => descriptorOf(`${image} ${at}`));
      return imageOf(`v${image}`, layers);
    });
    const contents = [packageOf("many", images)];
    const before = measure();
    const work = planWork({ contents });
    const kept = measure() - before;
    expect(work.tasks).toHaveLength(IMAGES * (LAYERS + 2));
    expect(kept / work.tasks.length).toBeLessThan(BYTES_LIMIT);
  });

  test("has a task for each blob, with every place that needs it", () => {
    const [shared, own] = [descriptorOf("shared"), descriptorOf("own")];
    const contents = ["one", "two", "three"].map((name) => {
      const layers = name === "two" ? [own, shared] : [shared];
      return packageOf(name, [imageOf(name, layers)]);
    });
    const { plans, tasks } = planWork({ contents });
    expect([...tasks].map(({ id }) => id)).toEqual([...Array(tasks.length).keys()]);
    const found = [...tasks].filter(({ digest }) => [shared.digest, own.digest].includes(digest));
    expect(found.map(({ places }) => places.map((place) => place.package))).toEqual([
      [0, 1, 2],
      [1],
    ]);
    for (const { digest, places } of tasks) {
      for (const place of places) {
        const { content } = plans[place.package]?.entries.at(place.entry) ?? {};
        expect(content).toMatchObject({ kind: "blob", digest });
      }
    }
  });
});
