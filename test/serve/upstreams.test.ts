import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { get as httpGet, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { type MirrorServer, openServer, type ServerOptions } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { image, pushArtifacts, randomLayer } from "../support/artifacts.ts";
import { type FaultRegistry, type Faults, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { writeBundle } from "./support/bundles.ts";

const LARGE = randomLayer(3_000_000);
const FIRST = image({ name: "first", layers: [LARGE] });
const SECOND = image({ name: "second" });
const HOUR = 3_600_000;

let directory: TempDirectory;
let registry: FaultRegistry;
let time: number;
let events: ServeEvent[];
let closers: AsyncDisposable[];

beforeEach(async () => {
  directory = await openTempDirectory();
  registry = await startFaultRegistry();
  await pushArtifacts(registry.host, "library/a", { "1": FIRST });
  registry.log.clear();
  time = Date.UTC(2026, 0, 1);
  events = [];
  closers = [];
});

afterEach(async () => {
  for (const closer of closers.reverse()) await closer[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

/** A server whose docker.io is the registry; quay.io is another place there. */
async function serve(options: Partial<ServerOptions> = {}): Promise<MirrorServer> {
  const client = openRegistryClient({ retryTimeoutMs: 0 });
  const openSource = (repository: string) =>
    client.repository({ registry: registry.host, repository });
  const server = await openServer({
    bundlePaths: [],
    upstreams: [
      { namespace: "docker.io", openSource },
      { namespace: "quay.io", openSource: (name) => openSource(`quay/${name}`) },
    ],
    cacheDirectory: directory.resolve("cache"),
    port: 0,
    now: () => time,
    onEvent: (event) => events.push(event),
    ...options,
  });
  closers.push(client, server);
  return server;
}

const blobPath = `/v2/library/a/blobs/${LARGE.descriptor.digest}?ns=docker.io`;
const tagPath = "/v2/library/a/manifests/1?ns=docker.io";

const ask = ({ url }: MirrorServer, path: string, init: RequestInit = {}) =>
  fetch(`${url}${path}`, init);
const statusOf = async (server: MirrorServer, path: string) => {
  const response = await ask(server, path);
  await response.arrayBuffer().catch(() => {});
  return response.status;
};
const digestBy = async (server: MirrorServer, path = tagPath) => {
  const response = await ask(server, path);
  return response.status === 200
    ? digestOf(Buffer.from(await response.arrayBuffer()))
    : response.status;
};
const move = (built: typeof FIRST) => pushArtifacts(registry.host, "library/a", { "1": built });
const bodyOf = async (server: MirrorServer, path = blobPath) =>
  Buffer.from(await (await ask(server, path)).arrayBuffer());
const rangeOfBlob = () => registry.log.find("GET", /blobs/)[0]?.headers.range ?? "";
const kept = async (folder: string) =>
  await readdir(directory.resolve("cache", "content", folder)).catch(() => []);

test("an image is pulled with one request for each thing that it consists of", async () => {
  const server = await serve();
  const { digest } = FIRST.manifest.descriptor;
  const blobs = FIRST.blobs.map(({ descriptor }) => `blobs/${descriptor.digest}`);
  for (const path of ["manifests/1", `manifests/${digest}`, ...blobs]) {
    for (const method of ["HEAD", "GET"]) {
      const response = await ask(server, `/v2/library/a/${path}?ns=docker.io`, { method });
      expect(response.status).toBe(200);
      await response.arrayBuffer();
    }
  }
  const asked = registry.log.entries.filter(({ path }) => path !== "/v2/");
  expect(asked.map(({ method }) => method)).toEqual(["GET", ...blobs.map(() => "GET")]);
});

test("an upstream with a port goes by the path that a push gives it, for clients that say no namespace", async () => {
  const client = openRegistryClient({ retryTimeoutMs: 0 });
  closers.push(client);
  const openSource = (repository: string) =>
    client.repository({ registry: registry.host, repository });
  const server = await serve({
    upstreams: [
      { namespace: "reg.example:5000", openSource },
      { namespace: "[::1]:5000", openSource },
    ],
  });
  for (const host of ["reg.example-5000", "ipv6-z-1-5000"]) {
    const response = await ask(server, `/v2/${host}/library/a/manifests/1`);
    expect([host, response.status]).toEqual([host, 200]);
    await response.arrayBuffer();
  }
});

test("the page names the upstreams, whether they answer, and how much the cache spares", async () => {
  const server = await serve();
  const page = async () => await (await ask(server, "/")).text();
  expect(await page()).toContain("docker.io (what is asked for, through a cache)");
  expect(await page()).toContain("docker.io: not asked yet");
  for (const path of [tagPath, blobPath, blobPath, blobPath]) await bodyOf(server, path);
  expect(await page()).toContain("docker.io: answered 2026-01-01T00:00:00.000Z");
  await expect.poll(page).toMatch(/From the cache: 50 % of 4 requests and 66 % of 9\.0 MB/);
  registry.setFaults({ refuseConnection: { times: 9, how: "reset" } });
  await bodyOf(server, "/v2/library/a/manifests/2?ns=docker.io");
  expect(await page()).toContain("docker.io: does not answer, since 2026-01-01T00:00:00.000Z");
});

describe.each([
  { way: "that passes through memory", size: 3_000_000, lagBytes: 512 * 1024 },
  { way: "that a thread writes", size: 12_000_000, lagBytes: 5 * 1024 * 1024 },
])("a blob $way", ({ lagBytes, size }) => {
  const layer = randomLayer(size, size);
  const path = `/v2/library/a/blobs/${layer.descriptor.digest}?ns=docker.io`;

  beforeEach(async () => {
    await move(image({ name: "blob", layers: [layer] }));
    registry.log.clear();
  });

  test("P4: is fetched once, whoever asks for it at the same time, and all get its bytes", async () => {
    const server = await serve();
    await digestBy(server);
    const bodies = await Promise.all(Array.from({ length: 20 }, () => bodyOf(server, path)));
    for (const body of bodies) expect(digestOf(body)).toBe(layer.descriptor.digest);
    expect(registry.log.count("GET", /blobs/)).toBe(1);
    expect(registry.log.count("HEAD", /blobs/)).toBe(0);
  });

  test("P4: comes to its end for others when a client leaves", async () => {
    const server = await serve();
    await digestBy(server);
    const [leaving] = (await once(httpGet(`${server.url}${path}`), "response")) as [
      IncomingMessage,
    ];
    const staying = bodyOf(server, path);
    leaving.destroy();
    expect(digestOf(await staying)).toBe(layer.descriptor.digest);
    expect(registry.log.count("GET", /blobs/)).toBe(1);
  });

  test("P5: that is cut off ends the connection, is not kept as whole, and is continued by range", async () => {
    const server = await serve();
    await digestBy(server);
    const half = Math.floor(layer.descriptor.size / 2);
    registry.setFaults({ drop: { afterBytes: half, how: "eof" } });
    await expect(bodyOf(server, path)).rejects.toThrow();
    expect(await kept("blobs/sha256")).toEqual([]);
    registry.setFaults({});
    registry.log.clear();
    expect(digestOf(await bodyOf(server, path))).toBe(layer.descriptor.digest);
    const [, start] = /^bytes=(\d+)-\d+$/.exec(rangeOfBlob()) ?? [];
    // What was on its way to the disk is fetched again
    expect(half - Number(start)).toBeLessThan(lagBytes);
    await expect.poll(() => kept("parts")).toEqual([]);
  });

  test("P5: is continued by range after the server was ended in its midst", async () => {
    const server = await serve();
    await digestBy(server);
    const half = Math.floor(layer.descriptor.size / 2);
    registry.setFaults({ drop: { afterBytes: half, how: "stall" } });
    const [response] = (await once(httpGet(`${server.url}${path}`), "response")) as [
      IncomingMessage,
    ];
    response.on("error", () => {});
    let seen = 0;
    for await (const chunk of response) {
      seen += (chunk as Buffer).length;
      if (seen === half) break;
    }
    await server[Symbol.asyncDispose]();
    registry.setFaults({});
    registry.log.clear();
    const next = await serve();
    expect(digestOf(await bodyOf(next, path))).toBe(layer.descriptor.digest);
    expect(rangeOfBlob()).toBe(`bytes=${half}-${size - 1}`);
  });

  test("P7: of wrong bytes is never complete for a client, and nothing of it is kept", async () => {
    registry.repositories.get("library/a")?.blobs.set(layer.descriptor.digest, wrongContent(size));
    const server = await serve();
    await digestBy(server);
    await expect(bodyOf(server, path)).rejects.toThrow();
    expect(await kept("blobs/sha256")).toEqual([]);
    expect(await kept("parts")).toEqual([]);
    await expect
      .poll(() => events.map((event) => "code" in event && event.code))
      .toContain("CONTENT_MISMATCH");
  });

  test("is given in ranges while it comes and when it is there", async () => {
    const server = await serve();
    const all = await buffer(layer.content.open(0, layer.descriptor.size));
    for (let turn = 0; turn < 2; turn += 1) {
      const response = await ask(server, path, { headers: { range: "bytes=100-199" } });
      expect(response.status).toBe(206);
      expect(Buffer.from(await response.arrayBuffer())).toEqual(all.subarray(100, 200));
    }
  });
});

describe("a blob", () => {
  test("that the upstream does not have is unknown, though a manifest names it", async () => {
    const server = await serve();
    await digestBy(server);
    registry.repositories.get("library/a")?.blobs.delete(LARGE.descriptor.digest);
    expect(await statusOf(server, blobPath)).toBe(404);
  });

  test("is shared by all upstreams", async () => {
    const server = await serve();
    await pushArtifacts(registry.host, "quay/library/a", { "1": FIRST });
    await bodyOf(server);
    registry.log.clear();
    const other = blobPath.replace("docker.io", "quay.io");
    expect(digestOf(await bodyOf(server, other))).toBe(LARGE.descriptor.digest);
    expect(registry.log.entries).toEqual([]);
  });
});

describe("a tag", () => {
  test("P6: costs no request while it is believed, and one HEAD after that", async () => {
    const server = await serve({ revalidateMs: HOUR });
    await digestBy(server);
    registry.log.clear();
    time += HOUR - 1;
    await digestBy(server);
    expect(registry.log.entries).toEqual([]);
    time += 1;
    await Promise.all([digestBy(server), digestBy(server)]);
    expect(registry.log.entries.map(({ method }) => method)).toEqual(["HEAD"]);
  });

  test("is believed twice as long when it has not moved, and half as long when it has", async () => {
    const server = await serve({ revalidateMs: HOUR });
    const isAsked = async () => {
      registry.log.clear();
      await digestBy(server);
      return registry.log.entries.length > 0;
    };
    await digestBy(server);
    time += HOUR;
    expect(await isAsked()).toBe(true);
    time += 2 * HOUR - 1;
    expect(await isAsked()).toBe(false);
    await move(SECOND);
    time += 1;
    expect(await digestBy(server)).toBe(SECOND.manifest.descriptor.digest);
    time += HOUR - 1;
    expect(await isAsked()).toBe(false);
    time += 1;
    expect(await isAsked()).toBe(true);
  });

  test("is believed for seven days at most, and for five minutes at least", async () => {
    const server = await serve({ revalidateMs: HOUR });
    await digestBy(server);
    for (let turn = 0; turn < 12; turn += 1) {
      time += 7 * 24 * HOUR;
      registry.log.clear();
      await digestBy(server);
      expect(registry.log.count("HEAD")).toBe(1);
    }
    for (let turn = 0; turn < 20; turn += 1) {
      await move(turn % 2 === 0 ? SECOND : FIRST);
      time += 7 * 24 * HOUR;
      await digestBy(server);
    }
    time += 5 * 60_000 - 1;
    registry.log.clear();
    await digestBy(server);
    expect(registry.log.entries).toEqual([]);
  });

  test("is asked for at once when the time that it is believed is made shorter", async () => {
    await digestBy(await serve({ revalidateMs: HOUR }));
    await closers.pop()?.[Symbol.asyncDispose]();
    registry.log.clear();
    await digestBy(await serve({ revalidateMs: 0 }));
    expect(registry.log.entries.map(({ method }) => method)).toEqual(["HEAD"]);
  });

  test("K3: that cannot be asked for is served as it was, marked and told", async () => {
    const server = await serve({ revalidateMs: HOUR });
    await digestBy(server);
    await registry.close();
    time += HOUR;
    const response = await ask(server, tagPath);
    expect([response.status, response.headers.get("warning")]).toEqual([
      200,
      '110 - "Response is Stale"',
    ]);
    expect(events.find(({ type }) => type === "stale-served")).toMatchObject({
      namespace: "docker.io",
      repository: "library/a",
      tag: "1",
    });
    await expect
      .poll(() => events)
      .toContainEqual(expect.objectContaining({ type: "request-answered", cache: "stale" }));
  });

  test("that is gone at the upstream is gone, and so is one that never was", async () => {
    const server = await serve({ revalidateMs: HOUR });
    await digestBy(server);
    registry.repositories.get("library/a")?.tags.delete("1");
    time += HOUR;
    expect(await digestBy(server)).toBe(404);
  });
});

describe("a digest", () => {
  test("P6: is never asked for again, after a restart either", async () => {
    const { digest } = FIRST.manifest.descriptor;
    const path = `/v2/library/a/manifests/${digest}?ns=docker.io`;
    await digestBy(await serve(), path);
    await closers.pop()?.[Symbol.asyncDispose]();
    registry.log.clear();
    time += 30 * 24 * HOUR;
    expect(await digestBy(await serve({ cacheTtlMs: 365 * 24 * HOUR }), path)).toBe(digest);
    expect(registry.log.entries).toEqual([]);
  });

  test("is not served from a file that was damaged", async () => {
    const { digest } = FIRST.manifest.descriptor;
    const path = `/v2/library/a/manifests/${digest}?ns=docker.io`;
    const server = await serve();
    await digestBy(server, path);
    const file = join("cache", "content", "manifests", digest.replace(":", "/"));
    await writeFile(directory.resolve(file), "application/json\nwrong");
    expect(await digestBy(server, path)).toBe(digest);
  });
});

describe("an upstream", () => {
  test("that does not have something is not asked again for a minute", async () => {
    const server = await serve();
    const path = "/v2/library/a/manifests/none?ns=docker.io";
    expect([await digestBy(server, path), await digestBy(server, path)]).toEqual([404, 404]);
    expect(registry.log.count("GET", /none/)).toBe(1);
    time += 60_000;
    await pushArtifacts(registry.host, "library/a", { none: SECOND });
    expect(await digestBy(server, path)).toBe(SECOND.manifest.descriptor.digest);
  });

  test.each<[string, Faults, number, string | null]>([
    ["limits us", { tooManyRequests: { times: 9, retryAfter: { seconds: 7 } } }, 429, "7"],
    ["is ill", { unavailable: { times: 9 } }, 502, null],
    ["wants a login", { denied: /library/ }, 403, null],
    [
      "gives tokens that it never takes",
      { auth: { scheme: "bearer", lifeRequests: 0 } },
      403,
      null,
    ],
  ])("that %s is told with a status of its own", async (_, faults, status, retryAfter) => {
    registry.setFaults(faults);
    const response = await ask(await serve(), tagPath);
    expect([response.status, response.headers.get("retry-after")]).toEqual([status, retryAfter]);
    await expect.poll(() => events.map(({ type }) => type)).toContain("request-failed");
  });

  test("that gives tokens which it never takes is not asked in a circle", async () => {
    registry.setFaults({ auth: { scheme: "bearer", lifeRequests: 0 } });
    expect(await statusOf(await serve(), tagPath)).toBe(403);
    expect(registry.log.entries.length).toBeLessThan(10);
  });

  test("is not asked for what is neither a tag nor a digest", async () => {
    const server = await serve();
    for (const reference of ["sha256:bad", "..", "a%20b"]) {
      expect(await statusOf(server, tagPath.replace("/1?", `/${reference}?`))).not.toBe(500);
    }
    expect(await statusOf(server, tagPath.replace("/1?", "/sha256:bad?"))).toBe(404);
    expect(registry.log.entries).toEqual([]);
  });

  test("that is not configured does not exist", async () => {
    expect(await digestBy(await serve(), tagPath.replace("docker.io", registry.host))).toBe(404);
  });

  test("gives its tags and referrers", async () => {
    const server = await serve();
    const tags = await ask(server, "/v2/library/a/tags/list?ns=docker.io");
    expect(await tags.json()).toMatchObject({ tags: ["1"] });
    const { digest } = FIRST.manifest.descriptor;
    const referrers = await ask(server, `/v2/library/a/referrers/${digest}?ns=docker.io`);
    expect(await referrers.json()).toMatchObject({ manifests: [] });
  });

  test("that lists no tags is not one that is down: who asks is told so, and need not try again", async () => {
    await using unlisted = await startFaultRegistry({ faults: { noTagList: 501 } });
    const client = openRegistryClient();
    closers.push(client);
    const openSource = (repository: string) =>
      client.repository({ registry: unlisted.host, repository });
    const server = await serve({ upstreams: [{ namespace: "docker.io", openSource }] });
    expect(await statusOf(server, "/v2/library/a/tags/list?ns=docker.io")).toBe(405);
  });

  test("is where a request without a registry leads, if it is the default", async () => {
    const server = await serve({ defaultNamespace: "docker.io" });
    expect(await digestBy(server, "/v2/library/a/manifests/1")).toBe(
      FIRST.manifest.descriptor.digest,
    );
    expect(await digestBy(await serveAlone(), "/v2/library/a/manifests/1")).toBe(404);
  });

  test("gives what a bundle does not have, and only that", async () => {
    await writeBundle(directory.resolve("bundle"), { "docker.io/library/a:1": SECOND });
    await pushArtifacts(registry.host, "library/a", { "2": FIRST });
    const server = await serve({ bundlePaths: [directory.resolve("bundle")] });
    expect(await digestBy(server)).toBe(SECOND.manifest.descriptor.digest);
    expect(await digestBy(server, tagPath.replace("/1?", "/2?"))).toBe(
      FIRST.manifest.descriptor.digest,
    );
    const tags = await ask(server, "/v2/library/a/tags/list?ns=docker.io");
    expect(await tags.json()).toMatchObject({ tags: ["1", "2"] });
  });

  test("with a login is not opened to a whole network by mistake", async () => {
    const upstreams = [{ namespace: "ghcr.io", isPrivate: true, openSource: () => null as never }];
    await expect(serve({ upstreams, address: "0.0.0.0" })).rejects.toThrow(
      /ghcr\.io would be read/,
    );
    await serve({ upstreams, address: "0.0.0.0", exposePrivate: true });
  });

  /** Another server beside the first. */
  function serveAlone(): Promise<MirrorServer> {
    return serve({ cacheDirectory: directory.resolve("other") });
  }
});

describe("offline", () => {
  test("what is kept is served, the upstream is not asked, and nothing else exists", async () => {
    await digestBy(await serve());
    const online = closers.at(-1) as MirrorServer;
    await bodyOf(online);
    await online[Symbol.asyncDispose]();
    registry.log.clear();
    time += 2 * HOUR;
    const server = await serve({ offline: true });
    const response = await ask(server, tagPath);
    expect([response.status, response.headers.get("warning")?.slice(0, 3)]).toEqual([200, "110"]);
    expect(digestOf(await bodyOf(server))).toBe(LARGE.descriptor.digest);
    const tags = await ask(server, "/v2/library/a/tags/list?ns=docker.io");
    expect(await tags.json()).toMatchObject({ tags: ["1"] });
    expect(await digestBy(server, tagPath.replace("/1?", "/2?"))).toBe(404);
    expect(
      await statusOf(server, `/v2/library/a/referrers/${LARGE.descriptor.digest}?ns=docker.io`),
    ).toBe(502);
    expect(registry.log.entries).toEqual([]);
  });
});

describe("the cache", () => {
  test("gives up what was used longest ago when there is too much, but not what is being read", async () => {
    const server = await serve({ cacheLimitBytes: 2000 });
    await digestBy(server);
    expect(digestOf(await bodyOf(server))).toBe(LARGE.descriptor.digest);
    await expect.poll(() => kept("blobs/sha256")).toEqual([]);
  });

  test("gives up what nobody has asked for too long", async () => {
    const server = await serve();
    await digestBy(server);
    await bodyOf(server);
    await expect.poll(() => kept("blobs/sha256")).toHaveLength(1);
    // The file has its name a moment before it counts
    let turn = 1;
    const keptAWeekLater = async () => {
      time += 8 * 24 * HOUR;
      turn += 1;
      await pushArtifacts(registry.host, "library/a", { [turn]: image({ name: `${turn}` }) });
      await digestBy(server, tagPath.replace("/1?", `/${turn}?`));
      return await kept("blobs/sha256");
    };
    await expect.poll(keptAWeekLater).toEqual([]);
  });

  test("belongs to one server at a time", async () => {
    await serve();
    await expect(serve()).rejects.toMatchObject({ code: "TARGET_LOCKED" });
  });
});

function wrongContent(size: number) {
  return randomLayer(size, 2).content;
}
