import { createHash } from "node:crypto";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { planPackage } from "../../src/bundle/format/bundle-plan.ts";
import { BundleWriter } from "../../src/bundle/write/bundle-writer.ts";
import { Streebog256 } from "../../src/gost/streebog.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { type Blobs, imageContents, packageContents } from "../bundle/support/contents.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { image } from "../support/artifacts.ts";
import { d8Layout, d8Package, writeChunks } from "../support/d8-bundle.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

const gost = (bytes: Buffer) => new Streebog256().update(bytes).digest();

describe("BundleWriter with gost", () => {
  async function write(options: { readonly gost: boolean }) {
    const blobs: Blobs = new Map();
    const contents = packageContents([imageContents(blobs, "v1", { layers: { a: 5000 } })]);
    const plan = planPackage(contents, 3000);
    await using writer = new BundleWriter(directory.path, [plan], () => {}, options);
    await writer.writeGenerated();
    for (const [entry, { content }] of [...plan.entries].entries()) {
      if (content.kind !== "blob") continue;
      const place = { package: 0, entry };
      await writer.write(place, 0, [blobs.get(content.digest) ?? Buffer.alloc(0)]);
      await writer.finishEntry(place);
    }
    return await writer.finishPackage(0);
  }

  test("writes 64 hex digits and nothing else beside each file, and returns both hashes", async () => {
    const files = await write({ gost: true });
    expect(files.length).toBeGreaterThan(1);
    for (const { name, sha256, streebog256 } of files) {
      const bytes = await readFile(directory.resolve(name));
      expect(sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
      expect(streebog256).toBe(gost(bytes));
      expect(await readFile(directory.resolve(`${name}.gostsum`), "utf8")).toBe(streebog256);
    }
  });

  test("leaves no sum of an earlier file beside one without", async () => {
    await write({ gost: true });
    const files = await write({ gost: false });
    expect(files[0]).not.toHaveProperty("streebog256");
    expect((await readdir(directory.path)).filter((name) => name.endsWith(".gostsum"))).toEqual([]);
  });
});

describe("pull() with gostDigest", () => {
  const verify = () => verifyBundle({ bundlePath: directory.path });

  async function pullSample() {
    const manifest = await writeSampleBundle(directory.path, {
      chunkSizeBytes: 30_000,
      gostDigest: true,
    });
    return manifest.packages.flatMap(({ files }) => files);
  }

  test("enters the sums into bundle.json, and their files into SHA256SUMS", async () => {
    const files = await pullSample();
    const sums = await readFile(directory.resolve("SHA256SUMS"), "utf8");
    for (const { name, streebog256 = "" } of files) {
      expect(streebog256).toBe(gost(await readFile(directory.resolve(name))));
      const sha256 = createHash("sha256").update(streebog256).digest("hex");
      expect(sums).toContain(`${sha256}  ${name}.gostsum\n`);
    }
    expect(await verify()).toMatchObject({ complete: true, problems: [] });
  });

  test("makes sums that must be there and right", async () => {
    const [first, second] = await pullSample();
    await rm(directory.resolve(`${first?.name}.gostsum`));
    await writeFile(directory.resolve(`${second?.name}.gostsum`), "0".repeat(64));
    expect((await verify()).problems).toMatchObject([
      { code: "CONTENT_MISSING", file: `${first?.name}.gostsum` },
      { code: "BUNDLE_CORRUPT", file: `${second?.name}.gostsum` },
    ]);
  });

  test("removes the sums of a bundle that --force replaces", async () => {
    await pullSample();
    await writeSampleBundle(directory.path, { force: true });
    expect((await readdir(directory.path)).filter((name) => name.endsWith(".gostsum"))).toEqual([]);
    expect(await verify()).toMatchObject({ complete: true });
  });
});

describe("verifyBundle() of a bundle of d8 mirror with sums", () => {
  const CHUNKS = [1000, 1100];

  beforeEach(async () => {
    const images = [{ artifact: image({ name: "foo" }), tag: "v1" }];
    const tar = d8Package({ "modules/foo": await d8Layout(images, { generation: "new" }) });
    await writeChunks(directory.path, "module-foo", { tar, sizes: CHUNKS });
    for (const name of await readdir(directory.path)) {
      const sum = gost(await readFile(directory.resolve(name)));
      await writeFile(directory.resolve(`${name}.gostsum`), sum);
    }
  });

  const chunk = (number: number) => `module-foo.tar.000${number}.chunk`;
  const verify = () => verifyBundle({ bundlePath: directory.path });

  test("accepts right sums, also with a line break", async () => {
    const path = directory.resolve(`${chunk(1)}.gostsum`);
    await writeFile(path, `${await readFile(path, "utf8")}\n`);
    expect(await verify()).toMatchObject({ complete: true, problems: [] });
  });

  test("names the file whose bytes have no digest of their own", async () => {
    const path = directory.resolve(chunk(2));
    const bytes = await readFile(path);
    const at = bytes.indexOf("imageLayoutVersion");
    bytes.write("imageLayoutVersioN", at);
    await writeFile(path, bytes);
    const { problems } = await verify();
    expect(problems).toMatchObject([{ code: "BUNDLE_CORRUPT", file: chunk(2) }]);
    expect(problems[0]?.message).toContain(`"${chunk(2)}.gostsum" says`);
  });

  test("names a blob that is damaged once, not again for the sum", async () => {
    const path = directory.resolve(chunk(0));
    const bytes = await readFile(path);
    bytes.writeUInt8(bytes.readUInt8(600) ^ 1, 600);
    await writeFile(path, bytes);
    expect((await verify()).problems).toHaveLength(1);
  });

  test.each(["", "abc", "G".repeat(64)])("refuses the sum %j", async (text) => {
    await writeFile(directory.resolve(`${chunk(0)}.gostsum`), text);
    const { problems } = await verify();
    expect(problems).toMatchObject([{ code: "BUNDLE_CORRUPT", file: `${chunk(0)}.gostsum` }]);
  });

  test("notices a lost last chunk by its sum", async () => {
    await rm(directory.resolve(chunk(2)));
    const { problems } = await verify();
    expect(problems).toMatchObject([{ code: "CONTENT_MISSING", file: chunk(2) }]);
  });
});
