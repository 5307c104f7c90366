import { readdir, readFile, readlink } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { exportBundle } from "../../src/export/export-bundle.ts";
import { FileTree } from "../../src/export/file-tree.ts";
import { ONLY_IMAGES, writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { image } from "../support/artifacts.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

async function read(directory: string): Promise<Record<string, string>> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files: Record<string, string> = {};
  for (const entry of names) {
    const path = `${entry.parentPath}/${entry.name}`;
    const name = path.slice(directory.length + 1);
    if (entry.isSymbolicLink()) files[name] = `-> ${await readlink(path)}`;
    else if (entry.isFile()) files[name] = (await readFile(path)).toString("latin1");
  }
  return files;
}

async function exportTo(directory: TempDirectory, name: string, chunkSizeBytes?: number) {
  const bundle = directory.resolve(`${name}-bundle`);
  await writeSampleBundle(bundle, chunkSizeBytes === undefined ? {} : { chunkSizeBytes });
  const out = directory.resolve(name);
  return { out, report: await exportBundle({ form: "static", bundlePaths: [bundle], out }) };
}

describe("a static export", () => {
  test("is the same files from any bundle of the same images", async () => {
    await using directory = await openTempDirectory();
    const one = await exportTo(directory, "one");
    const two = await exportTo(directory, "two", 16_000);
    expect(await read(two.out)).toEqual(await read(one.out));
    expect(two.report.bytes).toBe(one.report.bytes);
  });

  test("has each blob once, each manifest by digest and by tag, and a list of tags", async () => {
    await using directory = await openTempDirectory();
    const { out, report } = await exportTo(directory, "tree");
    const files = await read(out);
    const names = Object.keys(files);
    for (const { name, digest } of report.images) {
      const [path, tag] = name.split(/:(?=[^/]+$)/);
      expect(files[`v2/${path}/manifests/${tag}`]).toBe(files[`v2/${path}/manifests/${digest}`]);
      expect(files[`v2/${path}/blobs`]).toMatch(/^-> (?:\.\.\/)+blobs$/);
    }
    const blobs = names.filter((name) => name.startsWith("blobs/"));
    expect(new Set(blobs).size).toBe(blobs.length);
    expect(files["v2/registry.test/acme/web/tags/list"]).toBe(
      '{"name":"registry.test/acme/web","tags":["2.0"]}',
    );
    expect(names).toEqual(
      expect.arrayContaining(["nginx.conf", "nginx-registry.conf", "Caddyfile"]),
    );
  });

  test("refuses a repository whose path is the place of another one's blobs", async () => {
    await using directory = await openTempDirectory();
    const bundle = directory.resolve("bundle");
    await writeSampleBundle(bundle, {
      repositories: {
        acme: { v1: image({ name: "a" }) },
        "acme/blobs": { v1: image({ name: "b" }) },
      },
      ...ONLY_IMAGES,
      includeImages: ["registry.test/acme:v1", "registry.test/acme/blobs:v1"],
    });
    const out = directory.resolve("tree");
    await expect(exportBundle({ form: "static", bundlePaths: [bundle], out })).rejects.toThrow(
      /"registry.test\/acme\/blobs" for something else/,
    );
    expect(await readdir(directory.path)).toEqual(["bundle"]);
  });

  // On a disk that tells no case apart, the tags V1 and v1 are one file
  test("writes no file over another", async () => {
    await using directory = await openTempDirectory();
    const tree = new FileTree(directory.path);
    await tree.write("v2/web/manifests/v1", "one");
    await expect(tree.write("v2/web/manifests/v1", "other")).rejects.toThrow(
      /^Cannot export "v2\/web\/manifests\/v1": this file system takes it for a name that is there/,
    );
    expect(await read(directory.path)).toEqual({ "v2/web/manifests/v1": "one" });
  });
});
