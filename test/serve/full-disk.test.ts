import { readdir } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { createServeMetrics } from "../../src/metrics/serve-metrics.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { type MirrorServer, openServer } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { image, randomLayer, seed } from "../support/artifacts.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { mountSmallFileSystem } from "../support/small-file-system.ts";

const MIB = 1024 * 1024;
const LARGE = randomLayer(24 * MIB, 91);
const BUILT = image({ layers: [LARGE] });
const { digest: DIGEST, size: SIZE } = LARGE.descriptor;

let registry: FaultRegistry;
let events: ServeEvent[];

beforeEach(async () => {
  registry = await startFaultRegistry();
  seed(registry, "library/a", { "1": BUILT });
  events = [];
});

afterEach(() => registry.close());

/** A server whose cache has so little room; undefined where no file system can be made. */
async function serve(bytes: number): Promise<(MirrorServer & { cache: string }) | undefined> {
  const disk = await mountSmallFileSystem(bytes);
  if (disk === undefined) return undefined;
  const client = openRegistryClient({ retryTimeoutMs: 0 });
  const openSource = (repository: string) =>
    client.repository({ registry: registry.host, repository });
  const cache = join(disk.path, "cache");
  const server = await openServer({
    bundlePaths: [],
    upstreams: [{ namespace: "docker.io", openSource }],
    cacheDirectory: cache,
    port: 0,
    onEvent: (event) => events.push(event),
  });
  onTestFinished(async () => {
    for (const opened of [server, client, disk]) await opened[Symbol.asyncDispose]();
  });
  return { ...server, cache };
}

const tagPath = "/v2/library/a/manifests/1?ns=docker.io";
const blobPath = `/v2/library/a/blobs/${DIGEST}?ns=docker.io`;

const read = async ({ url }: MirrorServer, path: string) => {
  const response = await fetch(`${url}${path}`);
  expect(response.status).toBe(200);
  return digestOf(Buffer.from(await response.arrayBuffer()));
};

test("a full disk of the cache passes a blob on to all who asked for it, with one request, and keeps nothing of it", async (context) => {
  const server = await serve(8 * MIB);
  if (server === undefined) return context.skip();
  await read(server, tagPath);
  const found = await Promise.all(Array.from({ length: 5 }, () => read(server, blobPath)));
  expect(new Set(found)).toEqual(new Set([DIGEST]));
  expect(registry.log.count("GET", /blobs/)).toBe(1);
  // Readers have the last byte before the file is removed
  await expect.poll(() => readdir(join(server.cache, "content", "parts"))).toEqual([]);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "cache-failed", code: "SPACE_EXHAUSTED" }),
  );
  const metrics = createServeMetrics();
  events.forEach(metrics.onEvent);
  expect(await metrics.render()).toContain('mirror_serve_failures_total{code="SPACE_EXHAUSTED"} 1');
});

test("a full disk of the cache passes manifests on", async (context) => {
  const server = await serve(64 * 1024);
  if (server === undefined) return context.skip();
  expect(await read(server, blobPath)).toBe(DIGEST);
  for (let turn = 0; turn < 20; turn += 1) {
    const built = image({ name: `n${turn}`, layers: [randomLayer(1, turn)] });
    seed(registry, "library/a", { [`t${turn}`]: built });
    const path = tagPath.replace("/1?", `/t${turn}?`);
    expect(await read(server, path)).toBe(built.manifest.descriptor.digest);
  }
  expect(events.map(({ type }) => type)).toContain("cache-failed");
});

test("wrong bytes are never complete for a client where the disk is full either", async (context) => {
  registry.repositories.get("library/a")?.blobs.set(DIGEST, randomLayer(SIZE, 2).content);
  const server = await serve(8 * MIB);
  if (server === undefined) return context.skip();
  await expect(read(server, blobPath)).rejects.toThrow();
});

test("who asks for a range, and who comes later, gets the right bytes where the disk is full", async (context) => {
  const server = await serve(8 * MIB);
  if (server === undefined) return context.skip();
  const all = await buffer(LARGE.content.open(0, SIZE));
  const first = read(server, blobPath);
  const headers = { range: `bytes=${20 * MIB}-${21 * MIB - 1}` };
  const part = await fetch(`${server.url}${blobPath}`, { headers });
  expect(Buffer.from(await part.arrayBuffer()).equals(all.subarray(20 * MIB, 21 * MIB))).toBe(true);
  expect([await first, await read(server, blobPath)]).toEqual([DIGEST, DIGEST]);
});

test("who does not read holds the source back where the disk is full, and nobody after it has gone", async (context) => {
  const server = await serve(8 * MIB);
  if (server === undefined) return context.skip();
  const lazy = await new Promise<IncomingMessage>((resolve) =>
    get(`${server.url}${blobPath}`, resolve),
  );
  const other = read(server, blobPath);
  await expect.poll(() => events.map(({ type }) => type)).toContain("cache-failed");
  lazy.destroy();
  expect(await other).toBe(DIGEST);
});
