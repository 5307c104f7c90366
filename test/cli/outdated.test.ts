import { writeFile } from "node:fs/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { OutdatedReport } from "../../src/index.ts";
import { image, seed } from "../support/artifacts.ts";
import { buildEdition, EDITION_ROOT, seedEdition } from "../support/edition.ts";
import { eachTest } from "../support/fixture.ts";
import { releaseImage } from "../support/memory-source.ts";
import { startFaultRegistry } from "../support/registry.ts";
import { runInProcess } from "../support/run-cli.ts";
import { openTempDirectory } from "../support/temp-directory.ts";

const OLD = image({ name: "old" });
const NEW = image({ name: "new", layers: 2 });
const MOVED = image({ name: "moved" });

const directory = eachTest(openTempDirectory);
const source = eachTest(startFaultRegistry);

const path = (name: string) => directory.resolve(name);
const mirror = (...words: readonly string[]) =>
  runInProcess(words, { env: { HOME: directory.path, MIRROR_NO_CACHE: "true" } });

async function done(...words: readonly string[]) {
  const { status, stderr, stdout } = await mirror(...words);
  expect(stderr + stdout).toSatisfy(() => status === 0);
}

async function outdated(...words: readonly string[]) {
  const { status, stdout, stderr } = await mirror("outdated", ...words, "--json");
  return { status, stderr, report: JSON.parse(stdout) as OutdatedReport };
}

describe("mirror outdated", () => {
  /** A bundle, its lock and a target of `web@^1`, `web:stable` and `web:old`; then the source moves on. */
  beforeEach(async () => {
    seed(source, "acme/web", { "1.0.0": OLD, stable: OLD, old: image({ name: "x" }) });
    const web = `${source.host}/acme/web`;
    const wishes = [`${web}@^1`, `${web}:stable`, `${web}:old`].flatMap((name) => [
      "--include-image",
      name,
    ]);
    await done("plan", path("b"), ...wishes, "--out", path("lock.json"));
    await done("pull", path("b"), ...wishes);
    await done("push", path("b"), `${source.host}/mirrored`, "--receipt", path("receipt.json"));
    seed(source, "acme/web", { "1.1.0": NEW, stable: MOVED });
    source.content.repository("acme/web").tags.delete("old");
  });

  const SIDES = [
    ["a bundle", () => ["--bundle", path("b")]],
    ["a lock", () => ["--lock", path("lock.json")]],
    [
      "a target",
      () => [
        ...["--target", `${source.host}/mirrored`],
        ...["--include-image", `${source.host}/acme/web@^1`],
        ...["--include-image", `${source.host}/acme/web:stable`],
        ...["--include-image", `${source.host}/acme/web:old`],
      ],
    ],
  ] as const;

  test.each(SIDES)(
    "against %s tells new versions, tags that have moved with both digests, and what is gone",
    async (_, words) => {
      const { status, report } = await outdated(...words());
      const repository = `${source.host.replace(":", "-")}/acme/web`;
      expect(report.newTags).toMatchObject([
        { repository, tag: "1.1.0", digest: NEW.manifest.descriptor.digest },
      ]);
      expect(report.movedTags).toMatchObject([
        {
          repository,
          tag: "stable",
          from: OLD.manifest.descriptor.digest,
          digest: MOVED.manifest.descriptor.digest,
        },
      ]);
      expect(report.goneTags).toMatchObject([{ repository, tag: "old" }]);
      expect(report).toMatchObject({ isOutdated: true, leftTags: [] });
      expect(report.failures).toMatchObject([{ code: "SELECTION_UNMATCHED" }]);
      expect(report.bytes).toBeGreaterThan(0);
      expect(status).toBe(3);
    },
  );

  test("counts of a bundle exactly the bytes that a pull would fetch", async () => {
    const { report } = await outdated("--bundle", path("b"));
    const distinct = new Map(
      [NEW, MOVED].flatMap(({ manifest, blobs }) => [
        [manifest.descriptor.digest, manifest.descriptor.size] as const,
        ...blobs.map(({ descriptor }) => [descriptor.digest, descriptor.size] as const),
      ]),
    );
    for (const { descriptor } of OLD.blobs) distinct.delete(descriptor.digest);
    const expected = [...distinct.values()].reduce((sum, size) => sum + size, 0);
    expect(report.bytes).toBe(expected);
  });

  test("fetches no layer and writes nothing", async () => {
    source.log.clear();
    await outdated("--bundle", path("b"));
    const layers = [NEW, MOVED].flatMap(({ blobs }) => blobs.slice(1));
    for (const { descriptor } of layers) {
      expect(source.log.count("GET", new RegExp(`blobs/${descriptor.digest}`))).toBe(0);
    }
    const { report } = await outdated("--bundle", path("b"));
    expect(report.isOutdated).toBe(true);
  });

  test("ends with status 4 where something is new, and with 0 where nothing is", async () => {
    expect((await outdated("--bundle", path("b"), "--exit-code")).status).toBe(4);
    const wishes = ["--include-image", `${source.host}/acme/web:1.0.0`];
    await done("pull", path("c"), ...wishes);
    const { status, report } = await outdated("--bundle", path("c"), "--exit-code");
    expect(report).toMatchObject({ isOutdated: false, bytes: 0 });
    expect(status).toBe(0);
  });

  test("tells newer versions of what is named by one tag, and takes nothing for outdated by it", async () => {
    const tags = ["1.27.1-alpine", "1.27.3-alpine", "1.28.0", "1.9.0-alpine", "1.28.1-alpine"];
    seed(source, "acme/app", Object.fromEntries(tags.map((tag) => [tag, image({ name: tag })])));
    const app = `${source.host}/acme/app`;
    const wishes = ["--include-image", `${app}:1.27.1-alpine`];
    await done("pull", path("exact"), ...wishes);
    source.log.clear();
    const { report, status } = await outdated("--bundle", path("exact"), "--exit-code");
    expect(report).toMatchObject({ isOutdated: false, newTags: [], bytes: 0 });
    expect(report.newerTags).toEqual([
      {
        repository: app.replace(":", "-"),
        tag: "1.27.1-alpine",
        newer: ["1.28.1-alpine", "1.27.3-alpine"],
        source: `${app}:1.27.1-alpine`,
      },
    ]);
    expect(status).toBe(0);
    // One list for what belongs to the image and for this
    expect(source.log.count("GET", /tags\/list/)).toBe(1);
    const { stdout } = await mirror(
      ...["outdated", "--bundle", path("exact"), ...wishes, "--exclude-tag=1.28*"],
    );
    expect(stdout).toContain("newer  ");
    expect(stdout).not.toContain("1.28.1");
  });

  test("tells each new tag as an event of its own line", async () => {
    const words = ["outdated", "--lock", path("lock.json"), "--progress", "json"];
    const { stdout } = await mirror(...words);
    const lines = stdout.trim().split("\n");
    const events = lines.map((line) => JSON.parse(line) as { type: string; tag?: string });
    const told = events.filter(({ type }) => /Tag$/.test(type));
    expect(told).toMatchObject([
      { type: "newTag", tag: "1.1.0" },
      { type: "movedTag", tag: "stable" },
      { type: "goneTag", tag: "old" },
    ]);
    expect(events.at(-1)?.type).toBe("result");
  });

  test("tells apart what is gone and what a policy does not take any more", async () => {
    const wishes = ["--include-image", `${source.host}/acme/web@semver:*`, "--latest", "1"];
    source.content.repository("acme/web").tags.delete("1.1.0");
    await done("pull", path("latest"), ...wishes);
    seed(source, "acme/web", { "1.2.0": NEW });
    const { report, status } = await outdated("--bundle", path("latest"));
    expect(report.newTags).toMatchObject([{ tag: "1.2.0" }]);
    expect(report.leftTags).toMatchObject([{ tag: "1.0.0" }]);
    expect(report.goneTags).toEqual([]);
    expect(status).toBe(0);
  });

  test("looks at each bundle that a configuration file lists, with what the file says of it", async () => {
    const web = `${source.host}/acme/web`;
    await done("pull", path("c"), "--include-image", `${web}:1.0.0`);
    const bundles = [
      { bundle: path("c"), "include-image": [`${web}:1.0.0`] },
      { bundle: path("b"), "include-image": [`${web}@^1`] },
    ];
    await writeFile(path("mirror.json"), JSON.stringify({ bundles }));
    const words = ["outdated", "--config", path("mirror.json"), "--exit-code", "--json"];
    const { status, stdout } = await mirror(...words);
    expect(status).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({
      runs: [
        { bundle: path("c"), status: 0, report: { isOutdated: false } },
        { bundle: path("b"), status: 4, report: { newTags: [{ tag: "1.1.0" }] } },
      ],
    });
  });

  test.each([
    [[], /Nothing to compare with/],
    [["--bundle", "a", "--lock", "b"], /More than one/],
    [["--target", "r.test/x"], /nothing says what to look at/],
  ])("asks for one thing to compare with: %j", async (words, message) => {
    const { status, stderr } = await mirror("outdated", ...words);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
  });
});

test("mirror outdated of an edition that has moved on by one release tells that release, its channel and its images", async () => {
  seedEdition(source);
  const words = ["--source", `${source.host}/${EDITION_ROOT}`, "--no-modules", "--no-packages"];
  const rest = ["--no-plugins", "--no-installer", "--no-security-db", "--no-package-versions"];
  await done("pull", path("edition"), ...words, ...rest);
  const before = await outdated("--bundle", path("edition"));
  expect(before.report).toMatchObject({ isOutdated: false, newTags: [], movedTags: [] });
  moveOn();
  const { report } = await outdated("--bundle", path("edition"));
  expect(report.isOutdated).toBe(true);
  expect(report.newTags.map(({ repository, tag }) => `${repository}:${tag}`)).toContain(
    "release-channel:v1.71.99",
  );
  expect(report.movedTags.map(({ repository, tag }) => `${repository}:${tag}`)).toContain(
    "release-channel:alpha",
  );
  expect(report.goneTags).toEqual([]);
});

/** One patch more, and alpha points at it. */
function moveOn(): void {
  const edition = buildEdition();
  const platform = edition[EDITION_ROOT] ?? {};
  const newest = Object.keys(platform)
    .filter((tag) => /^v1\.71\.\d+$/.test(tag))
    .sort()
    .at(-1);
  expect(newest).toBeDefined();
  for (const [repository, tagged] of Object.entries(edition)) {
    const built = newest === undefined ? undefined : tagged[newest];
    if (!repository.startsWith(EDITION_ROOT) || built === undefined) continue;
    seed(source, repository, { "v1.71.99": built });
  }
  const release = `${EDITION_ROOT}/release-channel`;
  const made = releaseImage("v1.71.99");
  seed(source, release, { "v1.71.99": made, alpha: made });
}
