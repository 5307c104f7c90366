import { readdir, readFile, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBundle } from "../../src/bundle/read/bundle-reader.ts";
import { pull } from "../../src/pull/pull.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import { ContentMissingError } from "../../src/store/errors.ts";
import type { SourceRepository } from "../../src/store/store.ts";
import { sha256 } from "../bundle/support/sample-bundle.ts";
import { image, layer, randomLayer } from "../support/artifacts.ts";
import { memorySource, releaseImage } from "../support/memory-source.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

const SHARED = layer({ "shared.txt": "in two modules\n" });

/** Two modules; their images share a layer. */
const REPOSITORIES = {
  "acme/modules": { one: image(), two: image() },
  ...moduleOf("one"),
  ...moduleOf("two"),
};

function moduleOf(name: string) {
  return {
    [`acme/modules/${name}`]: { "v1.0.0": image({ layers: [SHARED], files: { [name]: name } }) },
    [`acme/modules/${name}/release`]: { stable: releaseImage("v1.0.0") },
  };
}

/** Pulls over whatever is there; the blobs that it asks for. */
async function pullModules(includeModules: readonly string[]): Promise<readonly string[]> {
  const fetched: string[] = [];
  const { openSource } = memorySource(REPOSITORIES);
  const counting = (source: SourceRepository): SourceRepository => ({
    ...source,
    fetch(target, options) {
      fetched.push(target.digest);
      return source.fetch(target, options);
    },
  });
  const { selection } = parseSelection({ source: "registry.test/acme", includeModules });
  const { complete } = await pull({
    bundlePath: directory.path,
    selection,
    openSource: (reference) => counting(openSource(reference)),
    force: true,
  });
  expect(complete).toBe(true);
  return fetched;
}

function* piecesOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

describe("pull()", () => {
  test("fetches once what two layouts hold, and writes it into each", async () => {
    const { digest } = SHARED.descriptor;
    const fetched = await pullModules(["one", "two"]);
    expect(fetched.filter((other) => other === digest)).toHaveLength(1);
    await using bundle = await openBundle(directory.path);
    const layouts = bundle.layouts.filter(({ blobs }) => blobs.has(digest));
    expect(layouts.map(({ path }) => path)).toEqual(["modules/one", "modules/two"]);
  });

  test("with force, removes the files of the replaced bundle and no other", async () => {
    await pullModules(["one", "two"]);
    await writeFile(directory.resolve("notes.txt"), "foreign");
    await pullModules(["two"]);
    const names = ["SHA256SUMS", "bundle.json", "module-two.tar", "notes.txt"];
    expect((await readdir(directory.path)).sort()).toEqual(names);
  });

  test.each([
    ["whole", undefined],
    ["in chunks", 9_000_000],
  ])(
    "hashes files %s for what a large blob is at last, not for what came first",
    async (_, chunkSizeBytes) => {
      const large = randomLayer(40 * 1024 * 1024, 1);
      const { openSource } = memorySource({ "acme/web": { v1: image({ layers: [large] }) } });
      let answers = 0;
      const { selection } = parseSelection({ includeImages: ["registry.test/acme/web:v1"] });
      await pull({
        bundlePath: directory.path,
        selection,
        chunkSizeBytes,
        openSource: (reference) => ({
          ...openSource(reference),
          fetch: async (target, options) => {
            const body = await openSource(reference).fetch(target, options);
            if (target.digest !== large.descriptor.digest || answers++ > 0) return body;
            const bytes = Buffer.concat(await body.toArray());
            bytes.fill(0, 10_000_000, 20_000_000);
            return Readable.from(piecesOf(bytes));
          },
        }),
      });
      expect(answers).toBe(2);
      const sums = await readFile(directory.resolve("SHA256SUMS"), "utf8");
      const files = [...sums.matchAll(/^([0-9a-f]{64}) [ *](images\.tar.*)$/gm)];
      expect(files).toHaveLength(chunkSizeBytes ? 5 : 1);
      for (const [, sum, name = ""] of files) {
        expect([name, sum]).toEqual([name, sha256(await readFile(directory.resolve(name)))]);
      }
    },
  );

  test("names the images that a blob is missing for as they were asked for", async () => {
    const missing = layer({ "missing.txt": "gone\n" });
    const tagged = {
      v1: image({ layers: [missing] }),
      v2: image({ layers: [missing], name: "v2" }),
    };
    const { openSource } = memorySource({ "acme/web": tagged });
    const { selection } = parseSelection({
      includeImages: ["registry.test/acme/web:v1", "registry.test/acme/web:v2"],
    });
    const { failures } = await pull({
      bundlePath: directory.path,
      selection,
      openSource: (reference) => ({
        ...openSource(reference),
        fetch: async (target, options) => {
          if (target.digest !== missing.descriptor.digest) {
            return openSource(reference).fetch(target, options);
          }
          throw new ContentMissingError(target.digest, "it was deleted");
        },
      }),
    });
    expect(failures).toMatchObject([
      {
        code: "CONTENT_MISSING",
        images: ["registry.test/acme/web:v1", "registry.test/acme/web:v2"],
      },
    ]);
  });
});
