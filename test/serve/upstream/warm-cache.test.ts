import { afterEach, beforeEach, expect, test } from "vitest";
import { AMD64, ARM64, image, index, layer, pushArtifacts } from "../../support/artifacts.ts";
import { runInProcess } from "../../support/run-cli.ts";
import { openPullThrough, type PullThrough } from "../support/pull-through.ts";

const SHARED = layer({ shared: "shared" });
const built = (own: string) =>
  index([
    image({ name: `amd64 ${own}`, platform: AMD64, layers: [SHARED, layer({ own })] }),
    image({ name: `arm64 ${own}`, platform: ARM64, layers: [SHARED] }),
  ]);
const MANY = built("first");
const ONE = image({ name: "one", layers: [SHARED] });

let place: PullThrough;

beforeEach(async () => {
  place = await openPullThrough();
  await pushArtifacts(place.registry.host, "library/many", { "1": MANY });
  await pushArtifacts(place.registry.host, "acme/one", { v1: ONE });
  place.registry.log.clear();
});
afterEach(() => place[Symbol.asyncDispose]());

const warm = (words: readonly string[], input = "") => {
  const upstream = `docker.io=http://${place.registry.host}`;
  const all = ["cache", "warm", ...words, "--cache", place.cache, "--upstream", upstream];
  return runInProcess([...all, "--json"], { input });
};
/** Status, and what was said of each image. */
const warmed = async (words: readonly string[], input?: string) => {
  const { status, stderr, stdout } = await warm(words, input);
  expect(stderr).toBe("");
  return { status, ...(JSON.parse(stdout) as { readonly warmed: unknown }) };
};
/** Whether all of it can be had without an upstream. */
const served = async (repository: string, digests: readonly string[]) => {
  await using server = await place.start({ offline: true });
  const ask = async (digest: string) => {
    const kind = digest === "1" || manifests.has(digest) ? "manifests" : "blobs";
    const url = `${server.url}/v2/${repository}/${kind}/${digest}?ns=docker.io`;
    return (await fetch(url)).status;
  };
  return await Promise.all(digests.map(ask));
};
const manifests = new Set(MANY.children.map(({ manifest }) => manifest.descriptor.digest));
const partsOf = ({ blobs, manifest }: typeof ONE) => [
  manifest.descriptor.digest,
  ...blobs.map(({ descriptor }) => descriptor.digest),
];
const [AMD_PARTS = [], ARM_PARTS = []] = MANY.children.map(partsOf);

test("images are fetched with everything in them, and once", async () => {
  const list = "many:1  # a comment\ndocker.io/acme/one:v1\n";
  const first = await warmed(["--images-from", "-"], list);
  expect(first).toMatchObject({
    status: 0,
    warmed: [{ image: "docker.io/library/many:1" }, { image: "docker.io/acme/one:v1" }],
  });
  const digests = ["1", ...AMD_PARTS, ...ARM_PARTS];
  expect(await served("library/many", digests)).toEqual(digests.map(() => 200));
  place.registry.log.clear();
  expect(await warmed(["many:1"])).toMatchObject({ status: 0, warmed: [{ fetchedBytes: 0 }] });
  expect(place.registry.log.entries.filter(({ path }) => path !== "/v2/")).toEqual([]);
});

test("of the platforms that are named", async () => {
  await warmed(["many:1", "--platform", "linux/arm64"]);
  expect(await served("library/many", ARM_PARTS)).toEqual(ARM_PARTS.map(() => 200));
  expect((await served("library/many", AMD_PARTS))[0]).toBe(404);
});

test("without names: tags that were pulled, when it is time, and the platforms that were pulled", async () => {
  await warmed(["many:1", "--platform", "linux/arm64"]);
  const moved = built("second");
  await pushArtifacts(place.registry.host, "library/many", { "1": moved });
  expect(await warmed([])).toMatchObject({ warmed: [{ fetchedBytes: 0 }] });
  await warmed(["--revalidate", "1ms"]);
  const [amd64, arm64] = moved.children.map(({ manifest }) => manifest.descriptor.digest);
  for (const digest of [amd64, arm64]) manifests.add(digest ?? "");
  expect(await served("library/many", [amd64 ?? "", arm64 ?? ""])).toEqual([404, 200]);
});

test("what cannot be fetched is told of by name, and the others are fetched", async () => {
  const { status, warmed: images } = await warmed(["none:1", "quay.io/acme/one:v1", "acme/one:v1"]);
  expect(status).toBe(3);
  expect(images).toMatchObject([
    { image: "docker.io/library/none:1", failure: { code: "CONTENT_MISSING" } },
    { failure: { message: expect.stringContaining("quay.io is no upstream") } },
    { image: "docker.io/acme/one:v1", digest: ONE.manifest.descriptor.digest },
  ]);
  const platform = await warmed(["many:1", "--platform", "linux/s390x"]);
  expect(platform).toMatchObject({ status: 3, warmed: [{ failure: { code: "CONTENT_MISSING" } }] });
});

test("of an image that lacks a blob, all the others are fetched before that is told", async () => {
  const layers = Array.from({ length: 12 }, (_, own) => layer({ own: `${own}` }));
  const wide = image({ name: "wide", layers });
  await pushArtifacts(place.registry.host, "library/wide", { "1": wide });
  const [config, ...kept] = wide.blobs.map(({ descriptor }) => descriptor);
  const { blobs } = place.registry.content.repository("library/wide");
  expect(blobs.delete(config?.digest ?? "sha256:")).toBe(true);
  const fetchedBytes = kept.reduce((sum, { size }) => sum + size, 0);
  expect(await warmed(["wide:1"])).toMatchObject({
    status: 3,
    warmed: [
      { fetchedBytes, failure: { message: expect.stringContaining(config?.digest ?? "?") } },
    ],
  });
});

test("not while a server uses the cache", async () => {
  await place.start();
  const { status, stderr } = await warm(["many:1"]);
  expect(status).toBe(30);
  expect(stderr).toContain(place.cache);
});

test("needs upstreams", async () => {
  const { status, stderr } = await runInProcess([
    "cache",
    "warm",
    "many:1",
    "--cache",
    place.cache,
  ]);
  expect(status).toBe(2);
  expect(stderr).toContain("--upstream");
});
