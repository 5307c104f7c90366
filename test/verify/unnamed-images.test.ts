import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { verifyBundle } from "../../src/verify/verify.ts";
import { image } from "../support/artifacts.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const NAMES = [
  ["a bare tag", { "org.opencontainers.image.ref.name": "1.0" }],
  ["no tag", undefined],
] as const;

describe("verifyBundle() of a layout whose image has", () => {
  test.each(NAMES)("%s: follows it as any other", async (_, annotations) => {
    await using directory = await openTempDirectory();
    const { manifest, blobs } = image({ name: "web" });
    const { mediaType, digest, size } = manifest.descriptor;
    const write = async (name: string, bytes: Buffer | string) => {
      await mkdir(dirname(directory.resolve(name)), { recursive: true });
      await writeFile(directory.resolve(name), bytes);
    };
    const root = { mediaType, digest, size, ...(annotations ? { annotations } : {}) };
    await write("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
    await write("index.json", JSON.stringify({ schemaVersion: 2, manifests: [root] }));
    const pathOf = (name: string) => `blobs/${name.replace(":", "/")}`;
    await write(pathOf(digest), manifest.bytes);
    for (const { descriptor, content } of blobs) {
      const bytes = await content.open(0, descriptor.size).toArray();
      await write(pathOf(descriptor.digest), Buffer.concat(bytes));
    }
    const sound = await verifyBundle({ bundlePath: directory.path });
    expect(sound).toMatchObject({ complete: true, totals: { images: 1 } });
    for (const { descriptor } of blobs) await rm(directory.resolve(pathOf(descriptor.digest)));
    const { complete, problems } = await verifyBundle({ bundlePath: directory.path });
    expect(complete).toBe(false);
    expect(problems.map((problem) => problem.digest).sort()).toEqual(
      blobs.map(({ descriptor }) => descriptor.digest).sort(),
    );
  });
});
