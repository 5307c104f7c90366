import { afterEach, beforeEach, expect, test } from "vitest";
import { pruneCache } from "../../../src/cache/served/pull-cache.ts";
import type { MirrorServer } from "../../../src/serve/open-server.ts";
import { artifact, image, pushArtifacts } from "../../support/artifacts.ts";
import { openPullThrough, type PullThrough } from "../support/pull-through.ts";

const IMAGE = image({ name: "signed" });
const SIGNATURE = artifact({
  subject: IMAGE.manifest.descriptor,
  artifactType: "application/x.sig",
});
const { digest } = IMAGE.manifest.descriptor;
const DOWN = { refuseConnection: { times: 99, how: "reset" } } as const;
const HOUR = 3_600_000;

let place: PullThrough;

beforeEach(async () => {
  place = await openPullThrough();
  await pushArtifacts(place.registry.host, "library/a", { "1": IMAGE });
});
afterEach(() => place[Symbol.asyncDispose]());

const get = ({ url }: MirrorServer, path: string) =>
  fetch(`${url}/v2/library/a/${path}?ns=docker.io`);
/** Digests, or the status. */
async function referrersFrom(server: MirrorServer, subject = digest) {
  const response = await get(server, `referrers/${subject}`);
  if (response.status !== 200) return response.status;
  const { manifests } = (await response.json()) as { manifests: { digest: string }[] };
  return manifests.map((manifest) => manifest.digest);
}
const sign = () => pushArtifacts(place.registry.host, "library/a", { signature: SIGNATURE });
const SIGNED = [SIGNATURE.manifest.descriptor.digest];

test("what was said last counts while the upstream cannot be asked, and is told of", async () => {
  const server = await place.start();
  await get(server, "manifests/1");
  expect(await referrersFrom(server)).toEqual([]);
  await sign();
  expect(await referrersFrom(server)).toEqual(SIGNED);
  place.registry.setFaults(DOWN);
  place.registry.log.clear();
  expect(await referrersFrom(server)).toEqual(SIGNED);
  expect(await referrersFrom(server)).toEqual(SIGNED);
  expect(place.registry.log.count("GET", /referrers/)).toBe(1);
  const stale = place.events.filter(({ type }) => type === "stale-served");
  expect(stale[0]).toMatchObject({ tag: digest.replace(":", "-") });
});

test("what was said last counts as long as the image, if the upstream has lost the repository", async () => {
  await sign();
  const server = await place.start();
  await get(server, "manifests/1");
  expect(await referrersFrom(server)).toEqual(SIGNED);
  place.registry.setFaults({ referrers: "name-unknown" });
  expect(await referrersFrom(server)).toEqual(SIGNED);
  expect(place.events.map(({ type }) => type)).toContain("stale-served");
  await server[Symbol.asyncDispose]();
  await using later = await place.start({ offline: true });
  expect(await referrersFrom(later)).toEqual(SIGNED);
});

test("it counts offline, after a restart, and goes with its image", async () => {
  await sign();
  await using first = await place.start();
  await get(first, "manifests/1");
  await referrersFrom(first);
  await first[Symbol.asyncDispose]();
  await using second = await place.start({ offline: true });
  expect(await referrersFrom(second)).toEqual(SIGNED);
  await second[Symbol.asyncDispose]();
  await pruneCache(place.cache, { ttlMs: HOUR, now: () => Date.now() + 2 * HOUR });
  await using third = await place.start({ offline: true });
  expect(await referrersFrom(third)).toBe(502);
});

test("nothing is kept of what was never pulled", async () => {
  await sign();
  const server = await place.start();
  expect(await referrersFrom(server)).toEqual(SIGNED);
  place.registry.setFaults(DOWN);
  expect(await referrersFrom(server)).toBe(502);
});
