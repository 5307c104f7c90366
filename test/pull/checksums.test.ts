import { open, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import type { BundleManifest } from "../../src/bundle/read/bundle-manifest.ts";
import { inspectBundle } from "../../src/inspect/inspect.ts";
import { push } from "../../src/push/push.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { verifyBundle } from "../../src/verify/verify.ts";
import { entriesOf, readPackage, writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { eachTest } from "../support/fixture.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);

/** A bundle without sums of its files. */
async function writeBare(options: { force?: boolean } = {}): Promise<BundleManifest> {
  return await writeSampleBundle(directory.path, {
    chunkSizeBytes: 30_000,
    checksums: false,
    ...options,
  });
}

const verify = () => verifyBundle({ bundlePath: directory.path });

const filesOf = ({ packages }: BundleManifest) => packages.flatMap(({ files }) => files);

async function flip(file: string, offset: number): Promise<void> {
  await using handle = await open(directory.resolve(file), "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  await handle.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, offset);
}

test("a bundle without sums has the same packages, and nothing that says what files must hash to", async () => {
  await using summed = await openTempDirectory();
  const usual = await writeSampleBundle(summed.path, { chunkSizeBytes: 30_000 });
  const bare = await writeBare();
  const names = filesOf(bare).map(({ name }) => name);
  expect(filesOf(bare)).toEqual(filesOf(usual).map(({ name, size }) => ({ name, size })));
  expect((await readdir(directory.path)).sort()).toEqual([...names, "bundle.json"].sort());
  const tar = await readPackage(directory.path, names);
  expect(tar.equals(await readPackage(summed.path, names))).toBe(true);
});

test("verify, inspect and push take it and say that it has no sums", async () => {
  await writeBare();
  const report = await verify();
  expect(report).toMatchObject({ complete: true, problems: [] });
  expect(report.notices.map(({ code }) => code)).toEqual(["NO_CHECKSUMS"]);
  const { notices } = await inspectBundle({ bundlePath: directory.path });
  expect(notices.map(({ code }) => code)).toEqual(["NO_CHECKSUMS"]);
  await using registry = await startFaultRegistry();
  await using client = openRegistryClient();
  const receipt = await push({
    bundlePath: directory.path,
    target: { registry: registry.host, repository: "mirror" },
    openTarget: (reference) => client.repository(reference),
  });
  expect(receipt.complete).toBe(true);
  expect(receipt.notices.map(({ code }) => code)).toEqual(["NO_CHECKSUMS"]);
});

test("verify still finds every kind of damage that shows without sums", async () => {
  const { packages } = await writeBare();
  const files = packages.find(({ name }) => name === "module-foo")?.files ?? [];
  const entries = await entriesOf(
    await readPackage(
      directory.path,
      files.map(({ name }) => name),
    ),
  );
  const blob = entries.find(({ path, size }) => path.includes("blobs/") && size > 8_000);
  const index = entries.find(({ path }) => path.endsWith("index.json"));
  if (!blob || !index) throw new Error("the sample has no large blob");
  for (const at of [blob.offset + 10, index.offset + 20, blob.headerOffset]) {
    const file = files[Math.floor(at / 30_000)]?.name ?? "";
    await flip(file, at % 30_000);
    const { problems } = await verify();
    expect(problems.map((problem) => problem.file)).toEqual([file]);
    expect(problems[0]?.images).not.toHaveLength(0);
    await flip(file, at % 30_000);
  }
  const [last] = files.slice(-1);
  await truncate(directory.resolve(last?.name ?? ""), (last?.size ?? 0) - 1);
  expect((await verify()).problems).toMatchObject([{ file: last?.name }]);
});

test("sums of a bundle that it replaces do not accuse it", async () => {
  await writeSampleBundle(directory.path, { chunkSizeBytes: 30_000 });
  await writeBare({ force: true });
  expect(await readdir(directory.path)).not.toContain("SHA256SUMS");
  expect(await verify()).toMatchObject({ complete: true });
});

test("sums come back with the next pull that wants them", async () => {
  await writeBare();
  const manifest = await writeSampleBundle(directory.path, { chunkSizeBytes: 30_000, force: true });
  expect(filesOf(manifest).every(({ sha256 }) => sha256 !== undefined)).toBe(true);
  expect((await verify()).notices).toEqual([]);
});

test("a bundle whose bundle.json has sums misses the file with them", async () => {
  await writeBare();
  const path = directory.resolve("bundle.json");
  const text = await readFile(path, "utf8");
  await writeFile(
    path,
    text.replaceAll('"size": 30000', `"sha256": "${"0".repeat(64)}", "size": 30000`),
  );
  expect((await verify()).problems).toMatchObject([
    { file: "SHA256SUMS" },
    { file: "bundle.json", message: expect.stringContaining("the sha256 of some files") },
  ]);
});

test("sums of GOST go with the others", async () => {
  const pulling = writeSampleBundle(directory.path, { checksums: false, gostDigest: true });
  await expect(pulling).rejects.toMatchObject({ code: "OPTION_INVALID", option: "gostDigest" });
});
