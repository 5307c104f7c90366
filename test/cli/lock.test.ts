import { readFile, writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import { sealLock } from "../../src/lock/lock.ts";
import { formatLock } from "../../src/lock/parse-lock.ts";
import { openEmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { hashFiles } from "../e2e/support/bundle-directory.ts";
import { AMD64, ARM64, artifact, image, index, seed } from "../support/artifacts.ts";
import { EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { eachTest } from "../support/fixture.ts";
import { digestOfArtifact, seedSigned, signedIndex } from "../support/referrers.ts";
import { type CliResult, runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const directory = eachTest(openTempDirectory);
const source = eachTest(openEmbeddedRegistry);

describe("a lock that was made, tags that moved, a pull of the lock", () => {
  test("make the bundle that was pulled before, byte for byte, of every part of an edition", async () => {
    seedEdition(source);
    const wishes = ["--source", `${source.host}/${EDITION_ROOT}`];
    await expectSame(wishes);
    const lock = await readLock();
    const kinds = lock.packages.map(({ kind }: { kind: string }) => kind);
    expect([...new Set(kinds)].sort()).toEqual(
      ["installer", "module", "package", "platform", "plugin", "security"].sort(),
    );
    expect(lock.extraFiles).toEqual([
      { name: "deckhousereleases.yaml", text: expect.stringContaining("kind: DeckhouseRelease") },
    ]);
  });

  test("do so for images with all that belongs to them, for charts, and in chunks", async () => {
    seedSigned(source, "acme/web", signedIndex());
    seed(source, "acme/chart", { v1: artifact() });
    const names = [`${source.host}/acme/web:v1`, `${source.host}/acme/chart:v1`];
    await expectSame(
      names.flatMap((name) => ["--include-image", name]),
      ["-c", "5KB"],
    );
  });

  test("do so for some platforms of an index, whose digest is another one in the source", async () => {
    const built = index([image({ platform: AMD64 }), image({ name: "arm", platform: ARM64 })]);
    seed(source, "acme/web", { v1: built });
    await expectSame([
      "--include-image",
      `${source.host}/acme/web:v1`,
      "--platform",
      "linux/arm64",
    ]);
    const [locked] = (await readLock()).packages[0].layouts[0].images;
    expect(locked.sourceDigest).toBe(digestOfArtifact(built));
    expect(locked.digest).not.toBe(locked.sourceDigest);
  });

  test("do so without an attestation that was missing and is there by now", async () => {
    const platform = { os: "unknown", architecture: "unknown" };
    const main = image({ platform: AMD64 });
    const annotations = {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": digestOfArtifact(main),
    };
    const attested = image({ name: "attestation", platform });
    const built = index([main, withAnnotations(attested, annotations)]);
    seed(source, "acme/web", { v1: built });
    const { manifests } = source.content.repository("acme/web");
    const held = manifests.get(digestOfArtifact(attested));
    manifests.delete(digestOfArtifact(attested));
    const wishes = ["--include-image", `${source.host}/acme/web:v1`, "--skip-missing-attestations"];
    await expectSame(wishes, [], () => {
      if (held) manifests.set(digestOfArtifact(attested), held);
    });
  });
});

describe("the lock", () => {
  beforeEach(() =>
    seed(source, "acme/web", { v1: image({ name: "one" }), v2: image({ name: "two" }) }),
  );

  test("is the same each time, sorted, and holds no secret", async () => {
    const login = ["--source", `${source.host}/acme`, "--source-login", "robot-of-the-source"];
    const env = { MIRROR_SOURCE_PASSWORD: "a secret of the source" };
    const wishes = [...web("v1"), ...web("v2")];
    await expectDone(["plan", ...login, ...wishes, "--out", path("one.json")], env);
    await expectDone(
      ["plan", ...login, ...wishes.toReversed().flatMap(pairsBack), "--out", path("two.json")],
      env,
    );
    const text = await readFile(path("one.json"), "utf8");
    expect(await readFile(path("two.json"), "utf8")).toBe(text);
    expect(text).not.toContain("a secret of the source");
    expect(text).not.toMatch(/robot-of|\btime\b|createdAt/);
    expect(Object.keys(JSON.parse(text))).toEqual(Object.keys(JSON.parse(text)).sort());
  });

  test("is read by plan too, which says what the pull would do", async () => {
    await makeLock(web("v1"));
    moveTags();
    const { stdout } = await expectDone(["plan", "--plan", path("lock.json"), "--json"]);
    const [package_] = JSON.parse(stdout).packages;
    expect(package_.images[0]).toMatchObject({
      tags: ["v1"],
      digest: digestOfArtifact(image({ name: "one" })),
    });
  });

  test("is not written where an image cannot be had, and that is said", async () => {
    source.content.repository("acme/web").blobs.clear();
    source.content
      .repository("acme/web")
      .manifests.delete(digestOfArtifact(image({ name: "one" })));
    const words = [
      "plan",
      "--include-image",
      `${source.host}/acme/web@=v2`,
      "--platform",
      "linux/s390x",
    ];
    const { status, stderr } = await runInProcess([...words, "--out", path("lock.json")]);
    expect(status).toBe(3);
    expect(stderr).toMatch(/No lock was written: 1 image cannot be had/);
    await expect(readFile(path("lock.json"))).rejects.toThrow(/ENOENT/);
  });

  test("names the digest that the source does not have any more, and pulls the rest", async () => {
    await makeLock([...web("v1"), ...web("v2")]);
    const gone = digestOfArtifact(image({ name: "one" }));
    source.content.repository("acme/web").manifests.delete(gone);
    const { status, stdout } = await runInProcess(pullOf("bundle"));
    expect(status).toBe(3);
    expect(stdout).toContain(`the source does not have ${gone} any more, which the lock pins`);
    expect(stdout).toMatch(/not complete: 1 failure/);
  });

  test("names a layer that the source does not have any more", async () => {
    await makeLock(web("v1"));
    const [layer = ""] = source.content.repository("acme/web").blobs.keys();
    source.content.repository("acme/web").blobs.delete(layer);
    const { status, stdout } = await runInProcess(pullOf("bundle"));
    expect(status).toBe(3);
    expect(stdout).toContain(layer);
  });

  test("replaces an unfinished pull of the same wishes that has other digests", async () => {
    await makeLock(web("v1"));
    await expectDone(pullOf("one"));
    moveTags();
    source.content
      .repository("acme/web")
      .blobs.delete([...source.content.repository("acme/web").blobs.keys()].at(-1) ?? "");
    await runInProcess(["pull", path("two"), ...web("v1")]);
    await expectDone(pullOf("two"));
    expect(await hashFiles(path("two"))).toEqual(await hashFiles(path("one")));
  });

  test("does not take the bundle of moved tags for its own", async () => {
    await makeLock(web("v1"));
    moveTags();
    await expectDone(["pull", path("bundle"), ...web("v1")]);
    const { status, stderr } = await runInProcess(pullOf("bundle"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/it holds a complete bundle/);
    await expectDone([...pullOf("bundle"), "--force"]);
  });
});

describe("a lock that cannot be used is named, with the reason", () => {
  beforeEach(async () => {
    seed(source, "acme/web", { v1: image() });
    await makeLock(web("v1"));
  });

  test.each<[string, (lock: Record<string, unknown>) => unknown, number, RegExp]>([
    [
      "one that was edited",
      (lock) => ({ ...lock, source: "registry.test/other" }),
      2,
      /it was edited after it was made/,
    ],
    [
      "one of a newer program",
      (lock) => ({ ...lock, schemaVersion: 2 }),
      23,
      /its version is 2, this program reads version 1/,
    ],
    [
      "one with a newer name",
      (lock) => ({ ...lock, mediaType: "application/vnd.airgap-mirror.lock.v2+json" }),
      23,
      /its version is application\/vnd\.airgap-mirror\.lock\.v2/,
    ],
    [
      "a plan",
      () => ({ schemaVersion: 1, mediaType: "application/vnd.airgap-mirror.plan.v1+json" }),
      2,
      /it is a plan, which pins nothing/,
    ],
    ["another document", () => ({ a: 1 }), 2, /it is no lock/],
    ["a list", () => [1], 2, /it is not an object/],
    [
      "one that would write outside of the bundle",
      ({ checksum: _, ...lock }) =>
        sealLock({ ...lock, packages: [{ name: "../x", kind: "images", layouts: [] }] } as never),
      2,
      /packages\[0\] is not what the format requires/,
    ],
  ])("%s", async (_, change, wanted, message) => {
    const lock = JSON.parse(await readFile(path("lock.json"), "utf8"));
    await writeFile(path("lock.json"), formatLock(change(lock) as never));
    const { status, stderr } = await runInProcess(pullOf("bundle"));
    expect(stderr).toMatch(message);
    expect(stderr).toContain("lock.json");
    expect(status).toBe(wanted);
  });

  test("one that is no JSON", async () => {
    await writeFile(path("lock.json"), "{");
    const { status, stderr } = await runInProcess(pullOf("bundle"));
    expect(status).toBe(2);
    expect(stderr).toMatch(/Cannot use lock ".*lock\.json": it is not JSON/);
  });
});

describe("flags beside a lock", () => {
  beforeEach(async () => {
    seed(source, "acme/web", { v1: image(), v2: image({ name: "two" }) });
    await makeLock(web("v1"));
  });

  test.each([
    ["another image", () => web("v2"), /--include-image: the lock ".*" is of another selection/],
    ["platforms", () => ["--platform", "linux/arm64"], /--platform.*is of another selection/],
    [
      "another source",
      () => ["--source", "registry.test/x"],
      /--source "registry\.test\/x": the lock ".*" has none/,
    ],
  ])("that contradict it, %s, are a usage error", async (_, flags, message) => {
    const { status, stderr } = await runInProcess([...pullOf("bundle"), ...flags()]);
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  test("that say the same, or how the bundle is written, are taken", async () => {
    await expectDone([...pullOf("bundle"), ...web("v1"), "-c", "5KB"]);
  });
});

const web = (tag: string) => ["--include-image", `${source.host}/acme/web:${tag}`];
const path = (name: string) => directory.resolve(name);
const pullOf = (bundle: string) => ["pull", path(bundle), "--plan", path("lock.json")];

function pairsBack(word: string, position: number, words: readonly string[]): string[] {
  return position % 2 === 1 ? [word, words[position - 1] ?? ""] : [];
}

function withAnnotations(
  built: ReturnType<typeof image>,
  annotations: Record<string, string>,
): ReturnType<typeof image> {
  const { descriptor, bytes } = built.manifest;
  return { ...built, manifest: { descriptor: { ...descriptor, annotations }, bytes } };
}

async function expectDone(
  words: readonly string[],
  env?: Record<string, string>,
): Promise<CliResult> {
  const result = await runInProcess(words, { env });
  expect(result, result.stderr).toMatchObject({ status: 0 });
  return result;
}

async function makeLock(wishes: readonly string[]): Promise<void> {
  await expectDone(["plan", ...wishes, "--out", path("lock.json")]);
}

async function readLock() {
  return JSON.parse(await readFile(path("lock.json"), "utf8"));
}

/** Every tag points at something else; what it pointed at is still there by its digest. */
function moveTags(): void {
  const moved = image({ name: "moved" });
  for (const [repository, { tags }] of source.content.repositories) {
    for (const tag of tags.keys()) seed(source, repository, { [tag]: moved });
  }
}

async function expectSame(
  wishes: readonly string[],
  flags: readonly string[] = [],
  more: () => void = () => {},
): Promise<void> {
  await expectDone(["pull", path("before"), ...wishes, ...flags]);
  await makeLock(wishes);
  moveTags();
  more();
  await expectDone([...pullOf("after"), ...flags]);
  expect(await hashFiles(path("after"))).toEqual(await hashFiles(path("before")));
}
