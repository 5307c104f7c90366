import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PullSummary } from "../../src/pull/pull-options.ts";
import { type EmbeddedRegistry, openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { runMirror } from "../support/cli.ts";
import { mountSmallFileSystem } from "../support/small-file-system.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { listFiles } from "./support/bundle-directory.ts";

const MIB = 1024 * 1024;
/** More than any disk has. */
const PETABYTE = 10 ** 15;

/** A layer that is only described: reading it would fail. */
const ENDLESS = {
  ...randomLayer(1),
  descriptor: { ...randomLayer(1).descriptor, size: PETABYTE },
  content: { size: PETABYTE, open: () => Readable.from(failing()) },
};

/** 128 MiB. */
const TOOLS = Array.from({ length: 16 }, (_, seed) => randomLayer(8 * MIB, seed + 2));

let directory: TempDirectory;
let source: EmbeddedRegistry;
let blobRequests = 0;

beforeAll(async () => {
  directory = await openTempDirectory();
  source = await openEmbeddedRegistry({
    middleware: async (request, next) => {
      if (request.path.includes("/blobs/")) blobRequests++;
      return next(request);
    },
  });
  seed(source, "acme/endless", { v1: image({ layers: [ENDLESS] }) });
  seed(source, "acme/tools", {
    v1: image({ layers: TOOLS }),
    v2: image({ layers: [...TOOLS.slice(1), randomLayer(8 * MIB, 99)] }),
  });
  seed(source, "acme/web", { v1: image({ layers: [randomLayer(30_000_000)] }) });
});

afterAll(async () => {
  await source?.close();
  await directory?.[Symbol.asyncDispose]();
});

describe("a disk that is too small", () => {
  test("mirror pull refuses before the first byte", async () => {
    blobRequests = 0;
    const { exitCode, stderr } = await pull("b", "endless:v1");
    expect(exitCode, stderr).toBe(31);
    expect(stderr).toMatch(/Cannot write to "b": the bundle needs .* more.*, .* free/);
    expect(stderr).toMatch(/^hint: .*Free space|choose another directory/m);
    expect(blobRequests).toBe(0);
    const files = Object.keys(await listFiles(directory.resolve("b")));
    expect(files.filter((name) => !name.startsWith(".mirror/"))).toEqual([]);
  });

  test("mirror plan says that the space is not enough", async () => {
    const args = ["plan", "b", "--include-image", `${source.host}/acme/endless:v1`];
    const { exitCode, stdout } = await runMirror(args, { cwd: directory.path });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/free space .* \(not enough: .* are needed\)/);
  });
});

describe("a file system of 20 MB", () => {
  test("mirror pull refuses before the first byte what does not fit", async (context) => {
    await using small = await mountSmallFileSystem(20 * MIB);
    if (small === undefined) return context.skip();
    blobRequests = 0;
    const { exitCode, stderr } = await pull(`${small.path}/b`, "web:v1");
    expect(exitCode, stderr).toBe(31);
    expect(blobRequests).toBe(0);
  });

  test("mirror pull goes on after more space is there", async (context) => {
    await using small = await mountSmallFileSystem(20 * MIB);
    if (small === undefined) return context.skip();
    expect((await pull(`${small.path}/b`, "web:v1")).exitCode).toBe(31);
    await small.resize(64 * MIB);
    const again = await pull(`${small.path}/b`, "web:v1");
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
  });
});

describe("a file system that holds a bundle, and no second one", () => {
  test("mirror pull --force replaces it, and fetches only what is new", async (context) => {
    // Beside 128 MiB: what is held twice while it is copied, and the reserve
    await using small = await mountSmallFileSystem((128 + 60) * MIB);
    if (small === undefined) return context.skip();
    expect((await pull(`${small.path}/b`, "tools:v1")).exitCode).toBe(0);
    const flags = ["--force", "--images-bundle-chunk-size", "30MB", "--json"];
    const { exitCode, stderr, stdout } = await pull(`${small.path}/b`, "tools:v2", ...flags);
    expect(exitCode, stderr).toBe(0);
    expect((JSON.parse(stdout) as PullSummary).fetchedBytes).toBeLessThan(9 * MIB);
    const verified = await runMirror(["verify", `${small.path}/b`]);
    expect(verified, verified.stderr).toMatchObject({ exitCode: 0 });
    const names = Object.keys(await listFiles(`${small.path}/b`));
    expect(names.filter((name) => /\.(partial|mirror)/.test(name))).toEqual([]);
  });

  test("mirror pull --force refuses when not even one step of copying fits", async (context) => {
    await using small = await mountSmallFileSystem((128 + 40) * MIB);
    if (small === undefined) return context.skip();
    expect((await pull(`${small.path}/b`, "tools:v1")).exitCode).toBe(0);
    const { exitCode, stderr } = await pull(`${small.path}/b`, "tools:v2", "--force");
    expect(exitCode, stderr).toBe(31);
    const verified = await runMirror(["verify", `${small.path}/b`]);
    expect(verified, verified.stderr).toMatchObject({ exitCode: 0 });
  });
});

function pull(bundle: string, name: string, ...flags: readonly string[]) {
  const args = ["pull", bundle, "--include-image", `${source.host}/acme/${name}`, ...flags];
  return runMirror(args, { cwd: directory.path });
}

// biome-ignore lint/correctness/useYield: it fails before it has anything to give
function* failing(): Generator<Buffer> {
  throw new Error("The layer was read");
}
