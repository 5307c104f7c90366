import { mkdir, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { BUNDLE_MEDIA_TYPE } from "../../../src/bundle/read/bundle-manifest.ts";
import { listBundle } from "../../../src/bundle/read/package-listing.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const chunk = (number: number) => `module-foo.tar.${String(number).padStart(4, "0")}.chunk`;

/** File name → size. */
async function openDirectory(files: Readonly<Record<string, number>>): Promise<TempDirectory> {
  const directory = await openTempDirectory();
  for (const [name, size] of Object.entries(files)) {
    await writeFile(directory.resolve(name), Buffer.alloc(size));
  }
  return directory;
}

/** `bundle.json` that lists these files of `module-foo`. */
async function writeManifest(
  directory: TempDirectory,
  files: Readonly<Record<string, number>>,
): Promise<void> {
  const listed = Object.entries(files).map(([name, size]) => ({
    name,
    size,
    sha256: "a".repeat(64),
  }));
  const manifest = {
    schemaVersion: 1,
    mediaType: BUNDLE_MEDIA_TYPE,
    selection: {},
    packages: [
      {
        name: "module-foo",
        kind: "module",
        size: listed.reduce((sum, { size }) => sum + size, 0),
        files: listed,
        layouts: [],
      },
    ],
    totals: { images: 0, manifests: 0, blobs: 0, uniqueBytes: 0 },
  };
  await writeFile(directory.resolve("bundle.json"), JSON.stringify(manifest));
}

const CHUNKS = { [chunk(0)]: 10, [chunk(1)]: 10, [chunk(2)]: 3 };

/** The chunks without one of them. */
function without(name: string): Record<string, number> {
  return Object.fromEntries(Object.entries(CHUNKS).filter(([other]) => other !== name));
}

async function problemsOf(directory: TempDirectory) {
  const { problems } = await listBundle(directory.path);
  return problems.map(({ file, status, error }) => [file, status, error.code]);
}

describe("listBundle() with bundle.json", () => {
  test("lists the files as they are planned, and no problem", async () => {
    await using directory = await openDirectory(CHUNKS);
    await writeManifest(directory, CHUNKS);
    expect(await listBundle(directory.path)).toMatchObject({
      directory: directory.path,
      problems: [],
      packages: [
        {
          name: "module-foo",
          files: [
            { name: chunk(0), size: 10 },
            { name: chunk(1), size: 10 },
            { name: chunk(2), size: 3 },
          ],
        },
      ],
    });
  });

  test.each([0, 1, 2])("names missing chunk %i and keeps its place", async (number) => {
    await using directory = await openDirectory(without(chunk(number)));
    await writeManifest(directory, CHUNKS);
    expect(await problemsOf(directory)).toEqual([[chunk(number), "missing", "CONTENT_MISSING"]]);
    const { packages } = await listBundle(directory.path);
    expect(packages[0]?.files).toHaveLength(3);
  });

  test("names a truncated file and where it ends", async () => {
    await using directory = await openDirectory({ ...CHUNKS, [chunk(1)]: 4 });
    await writeManifest(directory, CHUNKS);
    const { problems } = await listBundle(directory.path);
    expect(problems).toMatchObject([
      {
        file: chunk(1),
        status: "truncated",
        size: 4,
        error: {
          code: "BUNDLE_CORRUPT",
          location: { path: directory.resolve(chunk(1)), offset: 4 },
        },
      },
    ]);
    expect(problems[0]?.error.message).toMatch(/has 4 bytes, "bundle.json" says 10/);
  });

  test("names a file that has grown", async () => {
    await using directory = await openDirectory({ ...CHUNKS, [chunk(2)]: 4 });
    await writeManifest(directory, CHUNKS);
    expect(await problemsOf(directory)).toEqual([[chunk(2), "surplus", "BUNDLE_CORRUPT"]]);
  });

  test.each([
    ["a chunk too many", chunk(3)],
    ["a whole file beside the chunks", "module-foo.tar"],
    ["a second file of the same number", "module-foo.tar.00001.chunk"],
  ])("names %s", async (_, name) => {
    await using directory = await openDirectory({ ...CHUNKS, [name]: 10 });
    await writeManifest(directory, CHUNKS);
    expect(await problemsOf(directory)).toEqual([[name, "surplus", "BUNDLE_CORRUPT"]]);
  });

  test("leaves foreign files and foreign packages alone, and tells of the packages", async () => {
    await using directory = await openDirectory({ ...CHUNKS, "readme.txt": 1, "other.tar": 1 });
    await writeManifest(directory, CHUNKS);
    const { packages, problems, unlisted } = await listBundle(directory.path);
    expect(packages.map(({ name }) => name)).toEqual(["module-foo"]);
    expect(problems).toEqual([]);
    expect(unlisted).toEqual(["other.tar"]);
  });
});

describe("listBundle() without bundle.json", () => {
  test("groups files by package, chunks in the order of their numbers", async () => {
    const many = Object.fromEntries(
      Array.from({ length: 12 }, (_, number) => [chunk(number), number + 1]),
    );
    await using directory = await openDirectory({ "platform.tar": 5, ...many });
    const { manifest, packages, problems } = await listBundle(directory.path);
    expect(manifest).toBeUndefined();
    expect(problems).toEqual([]);
    expect(packages.map(({ name, files }) => [name, files.map(({ size }) => size)])).toEqual([
      ["module-foo", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]],
      ["platform", [5]],
    ]);
  });

  test.each([0, 1])("names missing chunk %i", async (number) => {
    await using directory = await openDirectory(without(chunk(number)));
    expect(await problemsOf(directory)).toEqual([[chunk(number), "missing", "CONTENT_MISSING"]]);
  });

  test("names a gap of many chunks once", async () => {
    await using directory = await openDirectory({ [chunk(0)]: 10, [chunk(9999)]: 10 });
    const { packages, problems } = await listBundle(directory.path);
    expect(problems).toMatchObject([{ file: chunk(1), status: "missing" }]);
    expect(problems[0]?.error.message).toContain(`all up to "${chunk(9998)}"`);
    expect(packages[0]?.files).toHaveLength(3);
  });

  test.each([
    ["a chunk and a whole file", { "module-foo.tar": 23, [chunk(0)]: 10 }, chunk(0)],
    ["two chunks", { ...CHUNKS, "module-foo.tar.00001.chunk": 10 }, chunk(1)],
  ])("names one of two files that claim the same part: %s", async (_, files, name) => {
    await using directory = await openDirectory(files);
    const { problems } = await listBundle(directory.path);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: name, status: "surplus" });
    expect(problems[0]?.error.message).toMatch(/claims the same part of package "module-foo"/);
  });

  test("reads the whole file alone when chunks lie beside it", async () => {
    await using directory = await openDirectory({ "module-foo.tar": 23, ...CHUNKS });
    const { packages } = await listBundle(directory.path);
    expect(packages).toEqual([
      { name: "module-foo", files: [{ name: "module-foo.tar", size: 23 }] },
    ]);
  });

  test.each([
    ["module-bar.tar.tmp", "module-bar.tar", "Finish the pull"],
    ["module-foo.tar.0003.chunk.tmp", chunk(3), "Finish the pull"],
    ["module-foo.tar.0003.chunk.gostsum", chunk(3), "Copy it"],
  ])("names the file that %s is a trace of", async (trace, file, hint) => {
    await using directory = await openDirectory({ ...CHUNKS, [trace]: 64 });
    const { problems } = await listBundle(directory.path);
    expect(problems).toMatchObject([
      { file, status: "missing", error: { code: "CONTENT_MISSING" } },
    ]);
    expect(problems[0]?.error.message).toContain(`"${trace}" is there`);
    expect(problems[0]?.error.hint).toContain(hint);
  });

  test("takes a trace beside its file for a leftover", async () => {
    await using directory = await openDirectory({ ...CHUNKS, [`${chunk(2)}.tmp`]: 1 });
    expect(await problemsOf(directory)).toEqual([]);
  });

  test("takes no directory for a package", async () => {
    await using directory = await openDirectory({ "module-foo.tar": 1 });
    await mkdir(directory.resolve("module-bar.tar"));
    const { packages } = await listBundle(directory.path);
    expect(packages.map(({ name }) => name)).toEqual(["module-foo"]);
  });
});

describe("listBundle() with SHA256SUMS and without bundle.json", () => {
  const listed = ["bundle.json", "platform.tar", ...Object.keys(CHUNKS)];
  const sums = listed.map((name) => `${"a".repeat(64)}  ${name}\n`).join("");

  test.each([
    ["a package", CHUNKS, ["platform.tar"]],
    ["the last chunk", { ...without(chunk(2)), "platform.tar": 5 }, [chunk(2)]],
    ["every file", {}, [...Object.keys(CHUNKS), "platform.tar"]],
    ["no package", { ...CHUNKS, "platform.tar": 5 }, []],
  ])("names %s that was not copied", async (_, files, missing) => {
    await using directory = await openDirectory(files);
    await writeFile(directory.resolve("SHA256SUMS"), sums);
    expect(await problemsOf(directory)).toEqual(
      missing.map((name) => [name, "missing", "CONTENT_MISSING"]),
    );
  });
});

describe("listBundle() of one file", () => {
  test.each([chunk(0), chunk(2)])("lists the package that %s belongs to", async (name) => {
    await using directory = await openDirectory({ ...CHUNKS, "platform.tar": 5 });
    await writeManifest(directory, { "platform.tar": 5 });
    const { manifest, packages } = await listBundle(directory.resolve(name));
    expect(manifest).toBeUndefined();
    expect(packages.map((item) => [item.name, item.files.length])).toEqual([["module-foo", 3]]);
  });

  test("refuses a file that is no package", async () => {
    await using directory = await openDirectory({ "readme.txt": 1 });
    await expect(listBundle(directory.resolve("readme.txt"))).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      message: expect.stringContaining("neither a directory nor a package"),
    });
  });
});

describe("listBundle() of what is no bundle", () => {
  test("refuses a path that does not exist", async () => {
    await using directory = await openTempDirectory();
    await expect(listBundle(directory.resolve("gone"))).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      path: directory.resolve("gone"),
      hint: expect.stringContaining("mounted"),
    });
  });

  test.each([{ "readme.txt": 1 }])("refuses a foreign directory: %j", async (files) => {
    await using directory = await openDirectory(files);
    await expect(listBundle(directory.path)).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      message: expect.stringContaining("holds no bundle.json and no package file"),
    });
  });

  test.each([
    ["only its state", {}],
    ["started files", { "module-foo.tar.partial": 10 }],
    ["packages that are complete", { "module-bar.tar": 10 }],
  ])("refuses an unfinished pull with %s", async (_, files) => {
    await using directory = await openDirectory(files);
    await mkdir(directory.resolve(".mirror"));
    await expect(listBundle(directory.path)).rejects.toMatchObject({
      code: "CONTENT_MISSING",
      message: expect.stringContaining("its pull is not finished"),
      hint: expect.stringContaining("Run the same pull again"),
    });
  });

  test("reads a complete bundle whose state could not be removed", async () => {
    await using directory = await openDirectory(CHUNKS);
    await writeManifest(directory, CHUNKS);
    await mkdir(directory.resolve(".mirror"));
    expect((await listBundle(directory.path)).problems).toEqual([]);
  });
});
