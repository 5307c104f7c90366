import { readdir, readFile, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { type PackagePlan, planPackage } from "../../../src/bundle/format/bundle-plan.ts";
import { BundleWriter } from "../../../src/bundle/write/bundle-writer.ts";
import { pseudoRandomBytes } from "../../../src/demo/pseudo-random.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { type Blobs, bytesOf, imageContents, packageContents } from "../support/contents.ts";
import { sha256 } from "../support/sample-bundle.ts";

interface Sample {
  readonly blobs: Blobs;
  readonly plan: PackagePlan;
  readonly bytes: Buffer;
}

function sample(chunkSizeBytes?: number): Sample {
  const blobs: Blobs = new Map();
  const images = [
    imageContents(blobs, "v1", { layers: { shared: 5000, one: 1 } }),
    imageContents(blobs, "v2", { layers: { shared: 5000, two: 3000, empty: 0 } }),
  ];
  const plan = planPackage(packageContents(images), chunkSizeBytes);
  return { blobs, plan, bytes: bytesOf(plan, blobs) };
}

/** Positions of the entries that have to be written, in an order that the seed decides. */
function shuffled({ plan }: Sample, seed: number): number[] {
  const random = pseudoRandomBytes(seed, 0, plan.entries.length * 4);
  return [...[...plan.entries].entries()]
    .filter(([, { content }]) => content.kind === "blob")
    .map(([entry]) => ({ entry, key: random.readUInt32LE(entry * 4) }))
    .sort((left, right) => left.key - right.key)
    .map(({ entry }) => entry);
}

async function writeEntry(writer: BundleWriter, { plan, blobs }: Sample, entry: number) {
  const planned = plan.entries.at(entry);
  if (planned?.content.kind !== "blob") throw new Error(`entry ${entry} is no blob`);
  const bytes = blobs.get(planned.content.digest) ?? Buffer.alloc(0);
  const place = { package: 0, entry };
  // Last part first, in pieces
  for (let at = Math.floor(bytes.length / 700) * 700; at >= 0; at -= 700) {
    const piece = bytes.subarray(at, at + 700);
    await writer.write(place, at, [piece.subarray(0, 13), piece.subarray(13)]);
  }
  await writer.finishEntry(place);
}

async function joined(directory: string, { files }: PackagePlan): Promise<Buffer> {
  return Buffer.concat(
    await Promise.all(files.map(({ name }) => readFile(`${directory}/${name}`))),
  );
}

describe("BundleWriter", () => {
  test.each([
    [undefined, 1],
    [512, 2],
    [1000, 3],
    [4096, 4],
    [777, 5],
  ])("makes the planned bytes with chunks of %s bytes, in any order", async (chunk, seed) => {
    await using directory = await openTempDirectory();
    const wanted = sample(chunk);
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    const entries = shuffled(wanted, seed);
    await Promise.all([
      writer.writeGenerated(),
      ...entries.map((entry) => writeEntry(writer, wanted, entry)),
    ]);
    const files = await writer.finishPackage(0);
    expect((await joined(directory.path, wanted.plan)).equals(wanted.bytes)).toBe(true);
    expect(await readdir(directory.path)).toEqual(wanted.plan.files.map(({ name }) => name));
    const hashes = await Promise.all(
      wanted.plan.files.map(async ({ name }) => sha256(await readFile(directory.resolve(name)))),
    );
    expect(files).toEqual(
      wanted.plan.files.map((file, number) => ({ ...file, sha256: hashes[number] })),
    );
  });

  test.each([
    [undefined, 1],
    [512, 2],
    [1000, 3],
  ])("makes the same bytes of whole entries, chunks of %s bytes", async (chunk, seed) => {
    await using directory = await openTempDirectory();
    const wanted = sample(chunk);
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    await writer.writeGenerated();
    const entries = shuffled(wanted, seed).map((entry) => {
      const content = wanted.plan.entries.at(entry)?.content;
      const digest = content?.kind === "blob" ? content.digest : undefined;
      return { place: { package: 0, entry }, bytes: wanted.blobs.get(digest ?? "sha256:") };
    });
    // In two calls, so that some follow each other and some do not
    for (const part of [entries.slice(0, 3), entries.slice(3)]) {
      await writer.writeEntries(
        part.map(({ place, bytes = Buffer.alloc(0) }) => ({ place, bytes })),
      );
    }
    await writer.finishPackage(0);
    expect((await joined(directory.path, wanted.plan)).equals(wanted.bytes)).toBe(true);
  });

  test("keeps the partial suffix until a file is complete", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample(4096);
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    await writer.writeGenerated();
    const entries = shuffled(wanted, 1).sort((left, right) => right - left);
    for (const entry of entries.slice(0, -1)) await writeEntry(writer, wanted, entry);
    const early = await readdir(directory.path);
    expect(early.every((name) => name.endsWith(".partial"))).toBe(true);
    expect(early.length).toBeGreaterThan(0);
    await writeEntry(writer, wanted, entries.at(-1) ?? -1);
    await writer.finishPackage(0);
    expect((await readdir(directory.path)).some((name) => name.endsWith(".partial"))).toBe(false);
  });

  test("reports a package once it is finished", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample(4096);
    const finished: unknown[] = [];
    await using writer = new BundleWriter(directory.path, [wanted.plan], ({ name }, files) =>
      finished.push([name, files.map((file) => file.name)]),
    );
    await writer.writeGenerated();
    expect(finished).toEqual([]);
    for (const entry of shuffled(wanted, 1)) await writeEntry(writer, wanted, entry);
    await writer.finishPackage(0);
    expect(finished).toEqual([["module-foo", wanted.plan.files.map(({ name }) => name)]]);
  });

  test("does not finish a package that lacks an entry, and names it", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample();
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    await writer.writeGenerated();
    await expect(writer.finishPackage(0)).rejects.toThrow(
      `package "module-foo" lacks entry "${wanted.plan.entries.at(2)?.path}"`,
    );
  });

  test("reads back what it has written, also across chunks", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample(600);
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    const entry = [...wanted.plan.entries].findIndex(({ size }) => size === 5000);
    await writeEntry(writer, wanted, entry);
    const { content } = wanted.plan.entries.at(entry) ?? {};
    const bytes = content?.kind === "blob" ? wanted.blobs.get(content.digest) : undefined;
    const found = Buffer.alloc(4000);
    expect(await writer.read({ package: 0, entry }, 900, found)).toBe(4000);
    expect(found).toEqual(bytes?.subarray(900, 4900));
  });

  test("goes on with the partial files of an earlier run", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample(1000);
    const entries = shuffled(wanted, 9);
    {
      await using writer = new BundleWriter(directory.path, [wanted.plan]);
      for (const entry of entries.slice(0, 3)) await writeEntry(writer, wanted, entry);
    }
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    await writer.writeGenerated();
    for (const entry of entries.slice(0, 3)) await writer.finishEntry({ package: 0, entry });
    for (const entry of entries.slice(3)) await writeEntry(writer, wanted, entry);
    await writer.finishPackage(0);
    expect((await joined(directory.path, wanted.plan)).equals(wanted.bytes)).toBe(true);
  });

  test("cuts off what a partial file has too much", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample();
    await writeFile(directory.resolve("module-foo.tar.partial"), Buffer.alloc(100_000, 1));
    await using writer = new BundleWriter(directory.path, [wanted.plan]);
    await writer.writeGenerated();
    for (const entry of shuffled(wanted, 1)) await writeEntry(writer, wanted, entry);
    await writer.finishPackage(0);
    expect((await joined(directory.path, wanted.plan)).equals(wanted.bytes)).toBe(true);
  });

  test("names a directory that is gone", async () => {
    await using directory = await openTempDirectory();
    const wanted = sample();
    await using writer = new BundleWriter(directory.resolve("gone"), [wanted.plan]);
    await expect(writer.writeGenerated()).rejects.toMatchObject({ code: "STORAGE_FAILED" });
  });
});
