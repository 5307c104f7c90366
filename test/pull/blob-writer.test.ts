import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { BundleWriter } from "../../src/bundle/write/bundle-writer.ts";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { BlockPool } from "../../src/io/block-pool.ts";
import { ContentHasher } from "../../src/io/content-hasher.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { BlobWriter } from "../../src/pull/blob-writer.ts";
import { planWork } from "../../src/pull/directory/transfer-plan.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const BYTES = pseudoRandomBytes(1, 0, 900_000);
const LAYER = { mediaType: "x/y", digest: digestOf(BYTES), size: BYTES.length };

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

describe("BlobWriter", () => {
  test("marks by time what a slow line brings, so that a kill costs less than a second of it", async () => {
    const { plans, tasks } = planWork({
      contents: [{ name: "images", kind: "images", layouts: [{ path: "", images: [IMAGE] }] }],
    });
    const task = tasks.at(0);
    if (!task) throw new Error("there is nothing to write");
    await using writer = new BundleWriter(directory.path, plans, () => {});
    await using hasher = new ContentHasher();
    let now = 0;
    const marks: number[] = [];
    const blob = new BlobWriter({
      task,
      writer,
      offset: 0,
      hash: hasher.open("sha256", task.size),
      blocks: new BlockPool(),
      now: () => now,
      onProgress: () => {},
      onWritten: (position) => marks.push(position),
    });
    // 300 kB a second
    for (let position = 0; position < BYTES.length; position += 60_000) {
      now += 200;
      await new Promise((done) => blob.write(BYTES.subarray(position, position + 60_000), done));
    }
    await new Promise<void>((done) => blob.end(done));
    expect(marks).toEqual([180_000, 360_000, 540_000, 720_000]);
  });
});

const IMAGE = {
  repository: "acme/web",
  tags: ["v1"],
  root: LAYER,
  kind: "image",
  source: "registry.test/acme/web:v1",
  platforms: [],
  documents: [],
  layers: [LAYER],
  origin: { registry: "registry.test", repository: "acme/web" },
} as const;
