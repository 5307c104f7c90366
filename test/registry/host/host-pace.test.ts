import { readFile, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  openRegistryClient,
  type RegistryClientOptions,
} from "../../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../../src/registry/registry-event.ts";
import { errorResponse, type RegistryMiddleware } from "../../../src/server/message.ts";
import { image, seed } from "../../support/artifacts.ts";
import { createFakeClock, type FakeClock } from "../../support/clock.ts";
import { type FaultRegistry, startFaultRegistry } from "../../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";

const MINUTE = 60_000;

let directory: TempDirectory;
let clock: FakeClock;
let events: RegistryEvent[];
const registries: FaultRegistry[] = [];

beforeEach(async () => {
  directory = await openTempDirectory();
  clock = createFakeClock();
  events = [];
});

afterEach(async () => {
  for (const registry of registries.splice(0)) await registry.close();
  await directory[Symbol.asyncDispose]();
});

async function start(middleware?: RegistryMiddleware): Promise<FaultRegistry> {
  const registry = await startFaultRegistry({ middleware });
  const tags = Array.from({ length: 40 }, (_, position) => `v${position}`);
  const tagged = tags.map((tag) => [tag, image({ name: tag })]);
  seed(
    registry,
    "acme/web",
    Object.fromEntries(tagged) as Record<string, ReturnType<typeof image>>,
  );
  registries.push(registry);
  return registry;
}

const open = (options: RegistryClientOptions = {}) =>
  openRegistryClient({ clock, onEvent: (event) => events.push(event), ...options });

const web = (client: ReturnType<typeof open>, { host }: FaultRegistry) =>
  client.repository({ registry: host, repository: "acme/web" });

const typesIn = (type: RegistryEvent["type"]) => events.filter((event) => event.type === type);

/** As Docker Hub: so many manifests in six hours, said with each answer, and refused beyond. */
function quotaServer(limit: number, now: () => number): RegistryMiddleware {
  const given: number[] = [];
  const windowMs = 6 * 60 * MINUTE;
  return async (request, next) => {
    if (request.method !== "GET" || !request.path.includes("/manifests/")) return next(request);
    const left = limit - given.filter((time) => time > now() - windowMs).length;
    const said = (remaining: number) => ({
      "ratelimit-limit": `${limit};w=21600`,
      "ratelimit-remaining": `${remaining};w=21600`,
    });
    if (left <= 0) {
      const refused = errorResponse(429, { code: "TOOMANYREQUESTS", message: "pull rate limit" });
      return { ...refused, headers: { ...refused.headers, ...said(0) } };
    }
    given.push(now());
    const response = await next(request);
    return { ...response, headers: { ...response.headers, ...said(left - 1) } };
  };
}

describe("a registry with a quota", () => {
  test("is not asked beyond it: each request waits for one that comes back, and the wait is announced", async () => {
    const registry = await start(quotaServer(5, () => clock.now()));
    await using client = open();
    for (let at = 0; at < 5; at += 1) await web(client, registry).fetchManifest(`v${at}`);
    expect(clock.sleeps).toEqual([]);
    expect(client.quotas()).toEqual([
      { registry: registry.host, limit: 5, remaining: 0, windowMs: 21_600_000 },
    ]);
    clock.advance(5 * 60 * MINUTE);
    await web(client, registry).fetchManifest("v5");
    const wait = 72 * MINUTE;
    expect(typesIn("quota-exhausted")).toEqual([
      {
        type: "quota-exhausted",
        registry: registry.host,
        delayMs: wait,
        limit: 5,
        windowMs: 21_600_000,
      },
    ]);
    expect(clock.sleeps).toEqual([wait]);
    expect(registry.log.entries.filter(({ status }) => status === 429)).toEqual([]);
  });

  test("is asked for layers and lists all the same", async () => {
    const registry = await start(quotaServer(1, () => clock.now()));
    await using client = open();
    await web(client, registry).fetchManifest("v0");
    for await (const _ of web(client, registry).listTags()) void _;
    expect(clock.sleeps).toEqual([]);
  });

  test("is known by the next run, which does not try what will be refused", async () => {
    const registry = await start(quotaServer(2, () => clock.now()));
    const rateStatePath = directory.resolve("state", "rates.json");
    {
      await using client = open({ rateStatePath });
      for (const tag of ["v0", "v1"]) await web(client, registry).fetchManifest(tag);
    }
    clock.advance(5 * 60 * MINUTE);
    await using client = open({ rateStatePath });
    await web(client, registry).fetchManifest("v2");
    expect(clock.sleeps).toEqual([180 * MINUTE]);
    expect(registry.log.entries.filter(({ status }) => status === 429)).toEqual([]);
  });
});

describe("the rate of a registry that asked for less", () => {
  /** Three requests that are under way together are refused, and come through at another try. */
  async function limitOnce(rateStatePath?: string) {
    const left = new Set(["v1", "v2", "v3"]);
    const registry = await start(async (request, next) =>
      left.delete(request.path.split("/").at(-1) ?? "")
        ? errorResponse(429, { code: "TOOMANYREQUESTS", message: "slow" })
        : next(request),
    );
    await using client = open({ requestsPerSecond: 40, rateStatePath });
    await web(client, registry).fetchManifest("v0");
    const asked = ["v1", "v2", "v3"].map((tag) => web(client, registry).fetchManifest(tag));
    await Promise.all(asked);
    return registry;
  }

  test("is halved once for requests that are refused together, not once for each", async () => {
    await limitOnce();
    expect(typesIn("rate-limited")).toMatchObject([{ requestsPerSecond: 20 }]);
  });

  test("is kept for the next run", async () => {
    const rateStatePath = directory.resolve("rates.json");
    const registry = await limitOnce(rateStatePath);
    const last = typesIn("rate-limited").at(-1) as { requestsPerSecond: number };
    const kept = JSON.parse(await readFile(rateStatePath, "utf8")) as object;
    expect(kept).toMatchObject({
      version: 1,
      registries: { [registry.host]: { requestsPerSecond: last.requestsPerSecond } },
    });
    clock = createFakeClock();
    await using client = open({ requestsPerSecond: 40, rateStatePath });
    for (let at = 10; at < 14; at += 1) await web(client, registry).fetchManifest(`v${at}`);
    expect(clock.sleeps[0]).toBeCloseTo(1000 / last.requestsPerSecond, 0);
  });

  test("that cannot be read is as if nothing were known", async () => {
    const rateStatePath = directory.resolve("rates.json");
    await writeFile(rateStatePath, '{"version":1,"registries":{"x":');
    const registry = await start();
    await using client = open({ rateStatePath });
    await web(client, registry).fetchManifest("v0");
    expect(clock.sleeps).toEqual([]);
  });
});

test("a registry that says when to come back holds up all requests to it, and none to another one", async () => {
  const [busy, other] = [await start(), await start()];
  busy.setFaults({ tooManyRequests: { times: 1, retryAfter: { seconds: 2 } } });
  await using client = open();
  await web(client, busy).fetchManifest("v0");
  const [wait = 0] = clock.sleeps;
  expect(wait).toBeGreaterThanOrEqual(2000);
  const before = clock.sleeps.length;
  await web(client, other).fetchManifest("v0");
  expect(clock.sleeps).toHaveLength(before);
});

test("a usual rate holds for other machines, and not for this one", async () => {
  const registry = await start();
  await using client = open({ usualRequestsPerSecond: 1 });
  for (let at = 0; at < 30; at += 1) await web(client, registry).fetchManifest(`v${at}`);
  expect(clock.sleeps).toEqual([]);
});

test("a burst may be as large as is asked for", async () => {
  const registry = await start();
  await using client = open({ requestsPerSecond: 1, burst: 20 });
  for (let at = 0; at < 20; at += 1) await web(client, registry).fetchManifest(`v${at}`);
  expect(clock.sleeps).toEqual([]);
  await web(client, registry).fetchManifest("v20");
  expect(clock.sleeps).toHaveLength(1);
});
