import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import type { MirrorServer } from "../../src/serve/open-server.ts";
import { image, pushArtifacts, randomLayer } from "../support/artifacts.ts";
import { openPullThrough, type PullThrough } from "./support/pull-through.ts";

const LAYER = randomLayer(1_500_000);
const IMAGE = image({ name: "kept", layers: [LAYER] });
const { digest, size } = LAYER.descriptor;
const PATH = `/v2/library/a/blobs/${digest}?ns=docker.io`;

let place: PullThrough;
let server: MirrorServer;
let file: string;

beforeEach(async () => {
  place = await openPullThrough();
  await pushArtifacts(place.registry.host, "library/a", { "1": IMAGE });
  server = await place.start();
  expect(await pull()).toBe(digest);
  await server[Symbol.asyncDispose]();
  file = join(place.cache, "content", "blobs", ...digest.split(":"));
  place.registry.log.clear();
});
afterEach(() => place[Symbol.asyncDispose]());

/** The digest of what came, or that its end did not come. */
async function pull(range?: string): Promise<string> {
  const headers = range === undefined ? {} : { range };
  const response = await fetch(`${server.url}${PATH}`, { headers });
  const body = await response.arrayBuffer().catch(() => undefined);
  return body === undefined ? "cut off" : digestOf(Buffer.from(body));
}

const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000 });

const DAMAGES = {
  "a byte that has changed": async () => {
    const bytes = await readFile(file);
    bytes[1000] = (bytes[1000] ?? 0) ^ 1;
    await writeFile(file, bytes);
  },
  "an end that is gone": () => truncate(file, size - 1000),
  "no bytes": () => truncate(file, 0),
  "bytes too many": async () =>
    writeFile(file, Buffer.concat([await readFile(file), Buffer.of(1)])),
};

describe.each(Object.entries(DAMAGES))("a kept blob with %s", (_, damage) => {
  test("is never given as a whole, and is fetched anew", async () => {
    await damage();
    server = await place.start();
    expect(["cut off", digest]).toContain(await pull());
    await eventually(async () => expect(await pull()).toBe(digest));
    await eventually(async () => expect(digestOf(await readFile(file))).toBe(digest));
  });

  test("is fetched anew when it was asked for in parts only", async () => {
    await damage();
    server = await place.start();
    await pull("bytes=5-9");
    await eventually(async () => {
      await pull("bytes=5-9");
      expect(digestOf(await readFile(file))).toBe(digest);
    });
  });
});

test("a kept blob that gets shorter while the server runs is fetched anew at once", async () => {
  server = await place.start();
  expect(await pull()).toBe(digest);
  await truncate(file, 1000);
  expect(await pull()).toBe(digest);
});

test("a kept blob that is right is not fetched again, however it is asked for", async () => {
  server = await place.start();
  for (const range of [undefined, "bytes=5-9", "bytes=-5", undefined]) await pull(range);
  expect(place.registry.log.find("GET", /blobs/)).toEqual([]);
  expect(place.events.filter(({ type }) => type !== "request-answered")).toEqual([]);
});

test("what is damaged is told with the file that it was in", async () => {
  await DAMAGES["a byte that has changed"]();
  server = await place.start();
  expect(await pull()).toBe("cut off");
  const failed = place.events.find(({ type }) => type === "request-failed");
  expect(failed).toMatchObject({
    code: "CONTENT_MISMATCH",
    message: expect.stringContaining(file),
  });
});
