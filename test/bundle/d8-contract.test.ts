import { readdir, readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BundleManifest } from "../../src/bundle/bundle-manifest.ts";
import { parseLayoutEntry } from "../../src/bundle/format.ts";
import { childrenOf } from "../../src/oci/children.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { parseManifest } from "../../src/oci/manifest.ts";
import { isManifestType } from "../../src/oci/media-type.ts";
import type { ScannedEntry } from "../../src/tar/scan.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { entriesOf, readPackage, writeSampleBundle } from "./support/sample-bundle.ts";

/** What `d8 mirror push` needs of a package; files that are named by reference are for other tools. */
interface ModulePackage {
  readonly name: string;
  readonly tar: Buffer;
  readonly entries: readonly ScannedEntry[];
}

let directory: TempDirectory;
let manifest: BundleManifest;
let packages: readonly ModulePackage[];

beforeAll(async () => {
  directory = await openTempDirectory();
  manifest = await writeSampleBundle(directory.path, { chunkSizeBytes: 16_000 });
  packages = await Promise.all(
    manifest.packages
      .filter(({ kind }) => kind !== "images")
      .map(async ({ name, files }) => {
        const names = files.map((file) => file.name);
        const tar = await readPackage(directory.path, names);
        return { name, tar, entries: await entriesOf(tar) };
      }),
  );
  expect(packages.length).toBeGreaterThan(0);
});

afterAll(() => directory[Symbol.asyncDispose]());

function bytesOf({ tar, entries }: ModulePackage, path: string): Buffer {
  const entry = entries.find((item) => item.path === path);
  if (!entry) throw new Error(`no entry "${path}"`);
  return tar.subarray(entry.offset, entry.offset + entry.size);
}

function layoutsOf({ entries }: ModulePackage): readonly string[] {
  return [...new Set(entries.map(({ path }) => parseLayoutEntry(path)?.layout ?? "?"))];
}

interface IndexDescriptor extends Descriptor {
  readonly annotations: Readonly<Record<string, string>>;
}

function indexOf(item: ModulePackage, layout: string): readonly IndexDescriptor[] {
  return JSON.parse(bytesOf(item, `${layout}/index.json`).toString()).manifests;
}

describe("a bundle as d8 mirror push needs it", () => {
  test("has packages of chunks whose names it takes", async () => {
    const names = (await readdir(directory.path)).filter((name) => name.includes(".tar"));
    for (const name of names) expect(name).toMatch(/^.+\.tar(?:\.\d{4,}\.chunk)?$/);
    expect(names.some((name) => name.endsWith(".chunk"))).toBe(true);
  });

  test("holds regular files only, each in a layout", () => {
    for (const { entries } of packages) {
      expect(entries.filter(({ type }) => type !== "file")).toEqual([]);
      expect(entries.filter(({ path }) => parseLayoutEntry(path) === undefined)).toEqual([]);
    }
  });

  test("has blobs and index.json in each layout, at the path of its repository", () => {
    for (const item of packages) {
      const claimed = manifest.packages.find(({ name }) => name === item.name)?.layouts ?? [];
      expect(layoutsOf(item)).toEqual(claimed.map(({ path }) => path));
      for (const { path, images } of claimed) {
        expect(images.map(({ repository }) => repository)).toEqual(images.map(() => path));
        expect(indexOf(item, path).length).toBeGreaterThan(0);
      }
    }
  });

  test("has modules below modules/<name>", () => {
    for (const item of packages) {
      const module = `modules/${item.name.slice("module-".length)}`;
      const inside = layoutsOf(item).filter((path) => `${path}/`.startsWith(`${module}/`));
      expect(inside).toEqual(layoutsOf(item));
    }
  });

  test("has a short tag on every descriptor, and none twice", () => {
    for (const item of packages) {
      for (const layout of layoutsOf(item)) {
        const tags = indexOf(item, layout).map(
          ({ annotations }) => annotations["io.deckhouse.image.short_tag"],
        );
        expect(tags).not.toContain(undefined);
        expect(new Set(tags).size).toBe(tags.length);
      }
    }
  });

  test("has every blob of a layout inside that layout", () => {
    for (const item of packages) {
      for (const layout of layoutsOf(item)) {
        const visit = ({ digest, mediaType, size }: Descriptor): void => {
          const bytes = bytesOf(item, `${layout}/blobs/${digest.replace(":", "/")}`);
          expect(bytes.length).toBe(size);
          if (!isManifestType(mediaType)) return;
          const { manifests, blobs } = childrenOf(parseManifest(bytes, mediaType, digest));
          for (const child of [...manifests, ...blobs]) visit(child);
        };
        for (const root of indexOf(item, layout)) visit(root);
      }
    }
  });

  test("has archives that are sufficient without bundle.json", async () => {
    const sums = await readFile(directory.resolve("SHA256SUMS"), "utf8");
    for (const { files } of manifest.packages) {
      for (const { name, sha256 } of files) expect(sums).toContain(`${sha256}  ${name}\n`);
    }
  });
});
