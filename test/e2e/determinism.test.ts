import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedCatalogue } from "../../src/demo/catalogue.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { RegistryContent } from "../../src/server/memory-content.ts";
import type { RegistryMiddleware } from "../../src/server/message.ts";
import { runMirror } from "../support/cli.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { hashFiles } from "./support/bundle-directory.ts";

let directory: TempDirectory;
let content: RegistryContent;

beforeAll(async () => {
  directory = await openTempDirectory();
  content = new RegistryContent();
  seedCatalogue({ content });
});

afterAll(() => directory[Symbol.asyncDispose]());

describe.each([
  ["whole packages", []],
  ["chunk files", ["-c", "1.5MB"]],
])("mirror pull of %s", (_, chunking) => {
  test("makes the same files with one download at a time and with many", async () => {
    await using source = await openEmbeddedRegistry({ content });
    const one = await pull("one", {
      host: source.host,
      flags: [...chunking, "--concurrency", "1"],
    });
    const many = await pull("many", {
      host: source.host,
      flags: [...chunking, "--concurrency", "16"],
    });
    expect(many).toEqual(one);
    expect(Object.keys(one)).toEqual(expect.arrayContaining(["SHA256SUMS", "bundle.json"]));
  });

  test("makes the same files whatever arrives first", async () => {
    await using source = await openEmbeddedRegistry({ content });
    const first = await pull("first", { host: source.host, flags: chunking });
    const port = Number(source.host.split(":")[1]);
    await source.close();
    // The name of the source is part of the bundle
    await using reversed = await openEmbeddedRegistry({ content, port, middleware: holdFirst() });
    const second = await pull("second", { host: reversed.host, flags: chunking });
    expect(second).toEqual(first);
  });
});

interface PullOptions {
  readonly host: string;
  readonly flags: readonly string[];
}

let bundles = 0;

/** Name → sha256 of all files of the bundle. */
async function pull(name: string, { host, flags }: PullOptions): Promise<Record<string, string>> {
  const bundle = directory.resolve(`${name}-${bundles++}`);
  const selection = ["-i", "foo@^1.3.0", "--include-image", `${host}/acme/web@>=1.0.0`];
  const args = ["pull", bundle, "--source", `${host}/acme`, ...selection, ...flags];
  const result = await runMirror(args);
  expect(result, result.stderr).toMatchObject({ exitCode: 0 });
  return hashFiles(bundle);
}

/** Answers the first request for a large layer only after three later ones. */
function holdFirst(): RegistryMiddleware {
  let requests = 0;
  let release: () => void = () => {};
  return async (request, next) => {
    const response = await next(request);
    const isLayer = Number(response.headers["content-length"]) > 500_000;
    if (request.method !== "GET" || !isLayer || !request.path.includes("/web/")) return response;
    requests++;
    if (requests === 1) await new Promise<void>((resolve) => (release = resolve));
    if (requests >= 4) release();
    return response;
  };
}
