import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { MirrorServer } from "../../src/serve/open-server.ts";
import { image, pushArtifacts } from "../support/artifacts.ts";
import { openPullThrough, type PullThrough } from "./support/pull-through.ts";

const FIRST = image({ name: "first" });
const SECOND = image({ name: "second" });
const HOUR = 3_600_000;
const BLOB = FIRST.blobs[0]?.descriptor.digest;

let place: PullThrough;
let server: MirrorServer;

beforeEach(async () => {
  place = await openPullThrough();
  await pushArtifacts(place.registry.host, "library/a", { "1": FIRST, "2": FIRST });
  server = await place.start();
  place.registry.log.clear();
});
afterEach(() => place[Symbol.asyncDispose]());

const ask = async (path: string) => {
  const response = await fetch(`${server.url}/v2/library/${path}?ns=docker.io`);
  await response.arrayBuffer();
  return response;
};
const codeOf = async (path: string) => {
  const response = await fetch(`${server.url}/v2/library/${path}?ns=docker.io`);
  const { errors } = (await response.json()) as { errors: { code: string }[] };
  return `${response.status} ${errors[0]?.code}`;
};
const digestBy = async (tag: string) =>
  (await ask(`a/manifests/${tag}`)).headers.get("docker-content-digest");

test("a manifest that a proxy has compressed is refused and not kept", async () => {
  place.registry.setFaults({ gzip: "always", contentDigest: "absent" });
  expect(await codeOf("a/manifests/1")).toBe("502 UNAVAILABLE");
  place.registry.setFaults({});
  expect(await digestBy("1")).toBe(FIRST.manifest.descriptor.digest);
});

test("a blob is found at a proxy that knows it only when it is asked for its bytes", async () => {
  place.registry.setFaults({ head: { answer: 404, of: "blob" } });
  expect((await ask(`a/blobs/${BLOB}`)).status).toBe(200);
});

test("an upstream that denies is a 403, so that nobody tries again", async () => {
  place.registry.setFaults({ denied: /secret/ });
  expect(await codeOf("secret/manifests/1")).toBe("403 DENIED");
  expect(await codeOf(`secret/blobs/${BLOB}`)).toBe("403 DENIED");
});

test("a tag that was asked for in the future is asked for again", async () => {
  await digestBy("1");
  const path = join(place.cache, "tags", "docker.io", "library", "a", "_tags", "1.json");
  const record = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...record, checkedAt: place.time + 1000 * HOUR }));
  await pushArtifacts(place.registry.host, "library/a", { "1": SECOND });
  expect(await digestBy("1")).toBe(SECOND.manifest.descriptor.digest);
});

test("a kept manifest whose file has lost its type is fetched again", async () => {
  await digestBy("1");
  const { digest } = FIRST.manifest.descriptor;
  const path = join(place.cache, "content", "manifests", ...digest.split(":"));
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([Buffer.of(1, 10), bytes.subarray(bytes.indexOf("\n") + 1)]));
  const response = await ask(`a/manifests/${digest}`);
  expect(response.headers.get("content-type")).toBe(FIRST.manifest.descriptor.mediaType);
});

describe.each([
  { what: "cuts connections", faults: { refuseConnection: { times: 99, how: "reset" } } },
  { what: "limits the rate", faults: { tooManyRequests: { times: 99 } } },
] as const)("an upstream that $what", ({ faults }) => {
  beforeEach(async () => {
    for (const tag of ["1", "2"]) await digestBy(tag);
    place.time += 2 * HOUR;
    place.registry.setFaults(faults);
    place.registry.log.clear();
  });

  test("is left in peace by all tags that there is a copy of, and each is told of", async () => {
    for (const tag of ["1", "2", "1", "2"]) {
      const { headers, status } = await ask(`a/manifests/${tag}`);
      expect(status).toBe(200);
      expect(headers.get("warning")).toMatch(/^110 /);
    }
    expect(place.registry.log.count("HEAD")).toBe(1);
    const told = place.events.flatMap((event) => (event.type === "stale-served" ? event.tag : []));
    expect(told).toEqual(["1", "2"]);
  });

  test("is asked again when it has had its rest", async () => {
    await ask("a/manifests/1");
    place.registry.setFaults({});
    place.time += 61_000;
    await pushArtifacts(place.registry.host, "library/a", { "2": SECOND });
    expect(await digestBy("2")).toBe(SECOND.manifest.descriptor.digest);
  });
});

describe("a list of tags", () => {
  const pages = async () => {
    const found: string[] = [];
    for (let last = ""; ; ) {
      const query = new URLSearchParams({ ns: "docker.io", n: "1", last });
      const response = await fetch(`${server.url}/v2/library/a/tags/list?${query}`);
      const { tags } = (await response.json()) as { tags: string[] };
      found.push(...tags);
      last = tags.at(-1) ?? "";
      if (!response.headers.has("link")) return found;
    }
  };

  test("is asked for once, in however many pages a client takes it", async () => {
    expect(await pages()).toEqual(["1", "2"]);
    expect(place.registry.log.count("GET", /tags/)).toBe(1);
  });

  test("is asked for again a little later", async () => {
    await pages();
    place.time += 11_000;
    await pushArtifacts(place.registry.host, "library/a", { "3": FIRST });
    expect(await pages()).toEqual(["1", "2", "3"]);
  });
});
