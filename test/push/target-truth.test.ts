import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../src/oci/digest.ts";
import { push } from "../../src/push/push.ts";
import type { PushOptions } from "../../src/push/push-options.ts";
import type { Receipt } from "../../src/push/receipt/receipt.ts";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { errorResponse, type RegistryMiddleware } from "../../src/server/message.ts";
import { writeSampleBundle } from "../bundle/support/sample-bundle.ts";
import { pullSample } from "../crash/support/resume.ts";
import { image, index, seed } from "../support/artifacts.ts";
import { createFakeClock } from "../support/clock.ts";
import { type FaultRegistry, startFaultRegistry } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeSampleBundle(directory.path);
});

afterAll(() => directory?.[Symbol.asyncDispose]());

async function pushTo(registry: FaultRegistry, options: Partial<PushOptions> = {}) {
  const clock = createFakeClock();
  await using client = openRegistryClient({ clock, env: {} });
  const receipt = await push({
    bundlePath: directory.path,
    target: { registry: registry.host, repository: "repo" },
    openTarget: client.repository,
    clock,
    ...options,
  });
  return { receipt, clock };
}

function webOf(registry: FaultRegistry) {
  const name = [...registry.content.repositories.keys()].find((key) => key.endsWith("acme/web"));
  return registry.content.repository(name ?? "?");
}

function partsOf({ totals }: Receipt): number {
  return totals.sentBytes + totals.resumedBytes + totals.mountedBytes + totals.alreadyThereBytes;
}

describe("push() to a target that has the tags already", () => {
  test("sends no byte to an untouched target and asks for each part once", async () => {
    await using registry = await startFaultRegistry();
    const first = await pushTo(registry);
    registry.log.clear();
    const { receipt } = await pushTo(registry);
    expect(receipt).toMatchObject({ complete: true, totals: { sentBytes: 0 } });
    expect(new Set(receipt.images.map(({ outcome }) => outcome))).toEqual(
      new Set(["already-there"]),
    );
    expect(new Set(registry.log.entries.map(({ method }) => method))).toEqual(new Set(["HEAD"]));
    const paths = registry.log.entries.map(({ path }) => path);
    expect(paths).toEqual([...new Set(paths)]);
    expect(receipt.totals.blobs).toBe(first.receipt.totals.blobs);
    for (const one of [first.receipt, receipt]) expect(partsOf(one)).toBe(one.totals.bytes);
  });

  test("sends a layer and the children of an index again that the target has lost", async () => {
    await using registry = await startFaultRegistry();
    await pushTo(registry);
    const { blobs, manifests, tags } = webOf(registry);
    const root = tags.get("2.0");
    const lost = [...blobs.keys()].slice(0, 1);
    const children = [...manifests.keys()].filter((digest) => digest !== root);
    expect(children).toHaveLength(2);
    for (const digest of lost) blobs.delete(digest);
    for (const digest of children) manifests.delete(digest);
    const { receipt } = await pushTo(registry);
    expect(receipt.complete).toBe(true);
    expect([...blobs.keys()]).toEqual(expect.arrayContaining(lost));
    expect([...manifests.keys()]).toEqual(expect.arrayContaining(children));
    expect(receipt.images.find(({ tag }) => tag === "2.0")?.outcome).toBe("pushed");
  });

  test("sends nothing where a HEAD does not show the tags, and a GET does", async () => {
    let hides = false;
    const middleware: RegistryMiddleware = async (request, next) => {
      const isHidden = hides && request.method === "HEAD" && request.path.includes("/manifests/");
      return isHidden
        ? errorResponse(404, { code: "MANIFEST_UNKNOWN", message: "" })
        : next(request);
    };
    await using registry = await startFaultRegistry({ middleware });
    await pushTo(registry);
    hides = true;
    const { receipt } = await pushTo(registry);
    expect(receipt).toMatchObject({ complete: true, totals: { sentBytes: 0 } });
    expect(new Set(receipt.images.map(({ outcome }) => outcome))).toEqual(
      new Set(["already-there"]),
    );
    expect(partsOf(receipt)).toBe(receipt.totals.bytes);
  });

  test("believes the tags when it is told to", async () => {
    await using registry = await startFaultRegistry();
    const first = await pushTo(registry);
    registry.log.clear();
    const { receipt } = await pushTo(registry, { trustTarget: true });
    expect(registry.log.entries.filter(({ path }) => path.includes("/blobs/"))).toEqual([]);
    expect(receipt.totals.blobs).toBe(first.receipt.totals.blobs);
  });

  test("fails an image whose blob the target takes and does not have", async () => {
    let taken: string | undefined;
    const middleware: RegistryMiddleware = async (request, next) => {
      const digest = request.query.get("digest");
      if (request.method === "PUT" && digest) taken ??= digest;
      if (request.method === "HEAD" && taken && request.path.endsWith(taken)) {
        return errorResponse(404, { code: "BLOB_UNKNOWN", message: "" });
      }
      return next(request);
    };
    await using registry = await startFaultRegistry({ middleware });
    const { receipt } = await pushTo(registry);
    expect(receipt.complete).toBe(false);
    expect(receipt.failures).toContainEqual(
      expect.objectContaining({
        code: "CONTENT_MISSING",
        message: expect.stringContaining(`${taken}": the target takes it and does not have it`),
      }),
    );
  });
});

describe("push() of a manifest whose content the target does not know", () => {
  test.each([
    [2, true, 3],
    [Number.POSITIVE_INFINITY, false, 4],
  ])(
    "sends it again and puts it again, refused %i times: complete is %s",
    async (times, complete, puts) => {
      let named: string | undefined;
      let refused = 0;
      const middleware: RegistryMiddleware = async (request, next) => {
        const isTag =
          request.method === "PUT" && request.path.endsWith("/modules/foo/manifests/v1.0.0");
        if (!isTag || refused >= times) return next(request);
        refused += 1;
        named ??= JSON.parse(await text(request.body)).config.digest;
        return errorResponse(400, {
          code: "MANIFEST_BLOB_UNKNOWN",
          message: "",
          detail: { digest: named },
        });
      };
      await using registry = await startFaultRegistry({ middleware });
      const { receipt, clock } = await pushTo(registry);
      expect(receipt.complete).toBe(complete);
      expect(registry.log.count("PUT", /modules\/foo\/manifests\/v1\.0\.0$/)).toBe(puts);
      const sends = ["POST", "PUT"]
        .flatMap((method) => registry.log.find(method, /foo\/blobs\/uploads/))
        .filter(({ query }) => query.includes(encodeURIComponent(named ?? "?")));
      expect(sends.length).toBeGreaterThanOrEqual(puts);
      expect(clock.sleeps.slice(0, 2)).toEqual([1_000, 4_000]);
      expect(receipt.failures).toHaveLength(complete ? 0 : receipt.failures.length);
      expect(
        receipt.images.find(
          ({ repository, tag }) => repository === "modules/foo" && tag === "v1.1.0",
        )?.outcome,
      ).toBe("pushed");
    },
  );
});

describe("push() of an index in an index whose content the target seldom knows", () => {
  test("tries so often that it ends, however deep it is", async () => {
    const child = image({ name: "deep" });
    const root = index([index([index([child])])]);
    await using source = await startFaultRegistry();
    await using bundle = await openTempDirectory();
    seed(source, "acme/deep", { v1: root });
    const bundlePath = bundle.resolve("bundle");
    await pullSample(bundlePath, { includeImages: [`${source.host}/acme/deep:v1`] });
    let isKnown = true;
    const puts = new Map<string, number>();
    const middleware: RegistryMiddleware = async (request, next) => {
      const isRoot = request.path.endsWith("/v1");
      if (request.method !== "PUT" || !request.path.includes("/manifests/")) return next(request);
      // what was there is forgotten when the tag comes
      if (isRoot) isKnown = false;
      const before = puts.get(request.path) ?? 0;
      if (!isKnown) puts.set(request.path, before + 1);
      if (isKnown || before % 4 === 3) return next(request);
      return errorResponse(400, { code: "MANIFEST_BLOB_UNKNOWN", message: "" });
    };
    await using target = await startFaultRegistry({ middleware });
    await pushTo(target, { bundlePath });
    const all = [...puts.values()].reduce((sum, count) => sum + count, 0);
    expect(puts.size).toBe(4);
    // Each of the four as often as it is tried, and once more for each try of what is above it
    expect(all).toBeLessThanOrEqual(4 * 4 + 3 * 3);
  });
});

describe("push() to a target that refuses single manifests", () => {
  const immutable =
    (status: number): RegistryMiddleware =>
    async (request, next) =>
      request.method === "PUT" && request.path.endsWith("/modules/foo/manifests/v1.0.0")
        ? errorResponse(status, { code: "DENIED", message: "tag is immutable" })
        : next(request);

  test.each([403, 409, 412])(
    "fails the image of a tag that is answered with %i, and goes on",
    async (status) => {
      await using registry = await startFaultRegistry({ middleware: immutable(status) });
      const { receipt } = await pushTo(registry);
      expect(receipt.complete).toBe(false);
      const outcomes = Object.fromEntries(
        receipt.images.map(({ repository, tag, outcome }) => [`${repository}:${tag}`, outcome]),
      );
      expect(outcomes).toMatchObject({
        "modules/foo:v1.0.0": "failed",
        "modules/foo:v1.1.0": "pushed",
      });
    },
  );

  test("takes a tag for written that has the planned digest after a lost answer", async () => {
    let puts = 0;
    const middleware: RegistryMiddleware = async (request, next) => {
      if (request.method !== "PUT" || !request.path.endsWith("/modules/foo/manifests/v1.0.0"))
        return next(request);
      puts += 1;
      if (puts > 1) return errorResponse(403, { code: "DENIED", message: "tag is immutable" });
      await next(request);
      return errorResponse(502, { code: "UNKNOWN", message: "" });
    };
    await using registry = await startFaultRegistry({ middleware });
    const { receipt } = await pushTo(registry);
    expect(receipt).toMatchObject({ complete: true, failures: [] });
    expect(puts).toBe(2);
  });

  // Virtual repositories of Artifactory
  test("goes on where looking at what is not there is denied", async () => {
    const middleware: RegistryMiddleware = async (request, next) => {
      const response = await next(request);
      const isLook = request.path.includes("/manifests/") && request.method !== "PUT";
      return isLook && response.status === 404
        ? errorResponse(403, { code: "DENIED", message: "no" })
        : response;
    };
    await using registry = await startFaultRegistry({ middleware });
    const { receipt } = await pushTo(registry);
    expect(receipt).toMatchObject({ complete: true, failures: [] });
  });

  test("ends at once when nothing is permitted, and gives the receipt of what it did", async () => {
    await using registry = await startFaultRegistry({
      middleware: async () => errorResponse(403, { code: "DENIED", message: "no" }),
    });
    const partial: Receipt[] = [];
    const pushing = pushTo(registry, { onPartialReceipt: (receipt) => partial.push(receipt) });
    await expect(pushing).rejects.toMatchObject({ code: "REGISTRY_DENIED" });
    expect(partial).toMatchObject([{ complete: false }]);
    expect(new Set(partial[0]?.images.map(({ outcome }) => outcome))).toEqual(new Set(["failed"]));
    expect(partial[0]?.failures.at(-1)).toMatchObject({ code: "REGISTRY_DENIED" });
  });
});

describe("push() to a target that shows a fresh tag late", () => {
  test("looks again for up to a minute", async () => {
    let looks = 0;
    let isWritten = false;
    const middleware: RegistryMiddleware = async (request, next) => {
      const isTag = request.path.endsWith("/modules/foo/manifests/v1.0.0");
      if (isTag && request.method === "PUT") isWritten = true;
      else if (isTag && isWritten && ++looks <= 6) {
        return errorResponse(404, { code: "MANIFEST_UNKNOWN", message: "" });
      }
      return next(request);
    };
    await using registry = await startFaultRegistry({ middleware });
    const { receipt, clock } = await pushTo(registry);
    expect(receipt.complete).toBe(true);
    expect(clock.sleeps.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(60_000);
  });
});

describe("push() to a target that fails at mounting", () => {
  test("asks once for each blob, sends instead, and gives up mounts after three failures", async () => {
    const middleware: RegistryMiddleware = async (request, next) =>
      request.query.has("mount")
        ? errorResponse(502, { code: "UNKNOWN", message: "" })
        : next(request);
    await using registry = await startFaultRegistry({ middleware });
    const clock = createFakeClock();
    await using client = openRegistryClient({ clock, env: {} });
    const repository = client.repository({ registry: registry.host, repository: "acme/web" });
    for (const text of ["a", "b", "c", "d", "e"]) {
      const bytes = Buffer.from(text);
      const expected = { mediaType: "application/octet-stream", digest: digestOf(bytes), size: 1 };
      const open = () => Readable.from([bytes]);
      const { outcome } = await repository.push(expected, open, { mountFrom: "acme/other" });
      expect(outcome).toBe("uploaded");
    }
    expect(registry.log.entries.filter(({ query }) => query.includes("mount"))).toHaveLength(3);
    expect(clock.sleeps).toEqual([]);
  });
});

describe("push() to a target that forgets what a tag named when the tag is moved", () => {
  const ON_ARM64 = image({ name: "arm64" });
  const MANY = index([ON_ARM64]);
  const NEXT = image({ name: "next" });
  const ARM64_DIGEST = ON_ARM64.manifest.descriptor.digest;

  const forgetting: RegistryMiddleware = async (request, next) => {
    const [, name, tag] = /^\/v2\/(.+)\/manifests\/([^/:]+)$/.exec(request.path) ?? [];
    if (request.method !== "PUT" || name === undefined || tag === undefined) return next(request);
    const { tags, manifests } = registry.content.repository(name);
    const before = tags.get(tag);
    const response = await next(request);
    if (before !== undefined && ![...tags.values()].includes(before)) manifests.delete(before);
    return response;
  };
  let registry: FaultRegistry;

  test.each([
    ["is brought again", false],
    ["is told if it cannot be brought again", true],
  ])("a child of an index %s", async (_, isRefused) => {
    await using source = await startFaultRegistry();
    await using local = await openTempDirectory();
    seed(source, "acme/app", { old: ON_ARM64, many: MANY, "v1-arm64": NEXT });
    const images = ["many", "v1-arm64"].map((tag) => `${source.host}/acme/app:${tag}`);
    const bundlePath = local.resolve("bundle");
    await pullSample(bundlePath, { includeImages: images });
    registry = await startFaultRegistry({
      middleware: async (request, next) => {
        const isAgain = isRefused && request.path.endsWith(ARM64_DIGEST);
        if (isAgain && request.method === "PUT")
          return errorResponse(400, { code: "DENIED", message: "no" });
        return await forgetting(request, next);
      },
    });
    await using target = registry;
    const name = `repo/${source.host.replace(":", "-")}/acme/app`;
    seed(target, name, { "v1-arm64": ON_ARM64 });
    const { receipt } = await pushTo(target, { bundlePath });
    const { manifests, tags } = target.content.repository(name);
    expect(tags.get("v1-arm64")).toBe(NEXT.manifest.descriptor.digest);
    expect(manifests.has(ARM64_DIGEST)).toBe(!isRefused);
    expect(receipt.complete).toBe(!isRefused);
    const subjects = receipt.failures.map(({ subject }) => subject);
    // the index is refused, too, if it comes later
    if (isRefused) expect(subjects).toContainEqual(expect.stringContaining(ARM64_DIGEST));
    else expect(subjects).toEqual([]);
  });
});
