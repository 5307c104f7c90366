import { describe, expect, test } from "vitest";
import { image } from "../../../support/artifacts.ts";
import {
  EDITION_ROOT,
  type PlatformOptions,
  platformRepositories,
} from "../../../support/edition.ts";
import { DeniedError, memorySource } from "../../../support/memory-source.ts";
import { digestsOf, failureOf, resolveEdition, tagsIn } from "../../support/resolve.ts";

const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];

const CHANNELS = {
  alpha: "v1.72.10",
  beta: "v1.71.0",
  "early-access": "v1.70.0",
  stable: "v1.69.0",
  "rock-solid": "v1.68.0",
};

function platform(options: Partial<PlatformOptions> = {}) {
  const versions = ["v1.68.0", "v1.69.0", "v1.70.0", "v1.71.0", "v1.72.10", "pr12345"];
  return memorySource(platformRepositories({ channels: CHANNELS, versions, ...options }));
}

const PLATFORM_ONLY = {
  noInstaller: true,
  noSecurityDb: true,
  noModules: true,
  noPackages: true,
  noPackageVersions: true,
};

function resolve(wishes: object, options: Partial<PlatformOptions> = {}) {
  return resolveEdition(platform(options), { ...PLATFORM_ONLY, ...wishes });
}

describe("resolveSelection(): platform, one tag", () => {
  test.each([
    ["A1", "v1.72.10", "v1.72.10"],
    ["A2", "stable", "v1.69.0"],
    ["A3", "pr12345", "pr12345"],
    ["A4", "v1.71.0", "v1.71.0"],
    ["without v", "1.71.0", "v1.71.0"],
  ])("%s: --platform-tag %s takes %s and publishes it to all channels", async (_, tag, version) => {
    const outcome = await resolve({ platformTag: tag });
    expect(tagsIn(outcome, "")).toEqual([version]);
    expect(tagsIn(outcome, "install")).toEqual([...FIVE, version].sort());
    const channels = digestsOf(outcome, "release-channel");
    expect(Object.keys(channels).sort()).toEqual([...FIVE, version].sort());
    expect(new Set(Object.values(channels)).size).toBe(1);
  });

  test.each([{ includePlatform: "=v1.72.10" }, { platformTag: "alpha" }])(
    "A6: %j is the same as the tag v1.72.10",
    async (wishes) => {
      const named = await resolve({ platformTag: "v1.72.10" });
      expect((await resolve(wishes)).roots).toEqual(named.roots);
    },
  );

  test("A12: --include-platform =v1.69.0 points all five channels at it", async () => {
    const outcome = await resolve({ includePlatform: "=v1.69.0" });
    expect(tagsIn(outcome, "release-channel")).toEqual([...FIVE, "v1.69.0"].sort());
  });

  test("--include-platform =v1.69.0+stable publishes to stable only", async () => {
    const outcome = await resolve({ includePlatform: "=v1.69.0+stable" });
    expect(tagsIn(outcome, "release-channel")).toEqual(["stable", "v1.69.0"]);
    expect(tagsIn(outcome, "install")).toEqual(["stable", "v1.69.0"]);
  });

  test.each(["pr17405", "v1.69.0"])(
    "A16: without channels, --platform-tag %s is taken",
    async (tag) => {
      const outcome = await resolve({ platformTag: tag }, { channels: {}, versions: [tag] });
      expect(tagsIn(outcome, "")).toEqual([tag]);
    },
  );

  test("a tag without a release image is taken and published to no channel, with a notice", async () => {
    const repositories = platformRepositories({ channels: {}, versions: ["pr1"] });
    const { [`${EDITION_ROOT}/release-channel`]: _, ...rest } = repositories;
    const outcome = await resolveEdition(memorySource(rest), {
      ...PLATFORM_ONLY,
      platformTag: "pr1",
    });
    expect(tagsIn(outcome, "install")).toEqual(["pr1"]);
    expect(tagsIn(outcome, "release-channel")).toEqual([]);
    expect(outcome.notices).toEqual(["PIN_UNPUBLISHED", "STANDALONE_INSTALLER_MISSING"]);
  });

  test("a channel stands in for the release image of its version where there is none", async () => {
    const { [`${EDITION_ROOT}/release-channel`]: release = {}, ...rest } = platformRepositories({
      channels: CHANNELS,
      versions: Object.values(CHANNELS),
      suspended: ["stable"],
    });
    const { "v1.69.0": _, ...channels } = release;
    const source = memorySource({ ...rest, [`${EDITION_ROOT}/release-channel`]: channels });
    const wishes = { ...PLATFORM_ONLY, platformTag: "stable", ignoreSuspend: true };
    const outcome = await resolveEdition(source, wishes);
    const digests = digestsOf(outcome, "release-channel");
    expect(Object.keys(digests).sort()).toEqual(FIVE);
    const digest = release["stable"]?.manifest.descriptor.digest;
    expect([...new Set(Object.values(digests))]).toEqual([digest]);
    expect(tagsIn(outcome, "install")).toEqual([...FIVE, "v1.69.0"].sort());
  });

  test("--include-platform =v1.69.0+stable is an error where stable cannot get the release", async () => {
    const repositories = platformRepositories({ channels: {}, versions: ["v1.69.0", "v1.70.0"] });
    const path = `${EDITION_ROOT}/release-channel`;
    const { "v1.70.0": other, "v1.69.0": own } = repositories[path] ?? {};
    if (!other || !own) throw new Error("the fixture lacks its releases");
    for (const [release, reason] of [
      [{ "v1.70.0": other }, `there is no "registry.test/${path}:v1.69.0"`],
      [{ "v1.69.0": other }, 'stands for "v1.70.0"'],
    ] as const) {
      const source = memorySource({ ...repositories, [path]: release });
      const wishes = { ...PLATFORM_ONLY, includePlatform: "=v1.69.0+stable" };
      const failure = await failureOf(source, wishes);
      expect(failure.code).toBe("SELECTION_UNMATCHED");
      expect(failure.message).toContain(`${reason}: "v1.69.0" cannot be published to`);
      expect(failure.hint).toContain("`platformTag` v1.69.0");
    }
  });

  test("a release image that stands for another version is published to no channel", async () => {
    const repositories = platformRepositories({ channels: {}, versions: ["v1.69.0", "v1.70.0"] });
    const release = repositories[`${EDITION_ROOT}/release-channel`] ?? {};
    const other = release["v1.70.0"];
    if (!other) throw new Error("the fixture lacks v1.70.0");
    const outcome = await resolveEdition(
      memorySource({
        ...repositories,
        [`${EDITION_ROOT}/release-channel`]: { "v1.69.0": other },
      }),
      { ...PLATFORM_ONLY, platformTag: "v1.69.0" },
    );
    expect(tagsIn(outcome, "release-channel")).toEqual(["v1.69.0"]);
    expect(outcome.messages[0]).toContain('stands for "v1.70.0"');
  });

  test.each([
    ["stable", { channels: { lts: "v1.69.0" } }, 'release channel "stable"', "lts"],
    ["v9.9.9", {}, 'release "v9.9.9" of the platform', "v1.72.10"],
  ])(
    "--platform-tag %s that is not there is an error with what is",
    async (tag, options, subject, hint) => {
      const failure = await failureOf(platform(options), { ...PLATFORM_ONLY, platformTag: tag });
      expect(failure).toMatchObject({
        code: "SELECTION_UNMATCHED",
        message: expect.stringContaining(subject),
        hint: expect.stringContaining(hint),
      });
    },
  );

  test("A17: lts of a source that has only lts is published to the five channels", async () => {
    const outcome = await resolve({ platformTag: "lts" }, { channels: { lts: "v1.70.0" } });
    expect(tagsIn(outcome, "")).toEqual(["v1.70.0"]);
    expect(tagsIn(outcome, "release-channel")).toEqual([...FIVE, "v1.70.0"].sort());
  });
});

describe("resolveSelection(): platform, channels", () => {
  test("A5: takes what all five channels point at", async () => {
    const outcome = await resolve({});
    const versions = ["v1.68.0", "v1.69.0", "v1.70.0", "v1.71.0", "v1.72.10"];
    expect(tagsIn(outcome, "")).toEqual(versions);
    expect(tagsIn(outcome, "release-channel")).toEqual([...FIVE, ...versions].sort());
    expect(tagsIn(outcome, "install")).toEqual([...FIVE, ...versions].sort());
  });

  test("takes the latest patch of each minor between rock-solid and alpha, as the source spells it", async () => {
    const versions = ["v1.50.0", "v1.50.1", "v1.51.0", "v1.51.2", "v1.51.1", "1.52.0", "v1.53.0"];
    const channels = Object.fromEntries(FIVE.map((channel) => [channel, "v1.50.0"]));
    const outcome = await resolve(
      {},
      { versions, channels: { ...channels, alpha: "v1.52.5" }, noise: [] },
    ).catch((error: Error) => error.message);
    expect(outcome).toContain("v1.52.5");
    const between = await resolve(
      {},
      { versions: [...versions, "v1.52.5"], channels: { ...channels, alpha: "v1.52.5" } },
    );
    expect(tagsIn(between, "")).toEqual(["v1.50.0", "v1.50.1", "v1.51.2", "v1.52.5"]);
  });

  test("channels that point at no version are taken, with a notice that nothing lies between", async () => {
    const versions = ["v1.68.0", "v1.69.0", "pr1"];
    const channels = {
      ...Object.fromEntries(FIVE.map((channel) => [channel, "v1.68.0"])),
      alpha: "pr1",
    };
    const outcome = await resolve({}, { versions, channels, standalone: versions });
    expect(tagsIn(outcome, "")).toEqual(["pr1", "v1.68.0"]);
    expect(outcome.notices).toEqual(["CHANNEL_UNORDERED"]);
    expect(outcome.messages[0]).toContain('Channel alpha of the platform points at "pr1"');
  });

  test("a pre-release is taken only if a channel points at it", async () => {
    const versions = ["v1.68.0", "v1.69.0-rc.1", "v1.70.0-rc.2"];
    const channels = {
      ...Object.fromEntries(FIVE.map((channel) => [channel, "v1.68.0"])),
      alpha: "v1.70.0-rc.2",
    };
    const outcome = await resolve({}, { versions, channels });
    expect(tagsIn(outcome, "")).toEqual(["v1.68.0", "v1.70.0-rc.2"]);
  });

  test.each([
    ["D3", "1.66.0", ["v1.66.3", "v1.67.1"], []],
    ["D3", "v1.67", ["v1.67.1"], []],
    ["D3", "1.68.0", [], []],
    ["A7", "1.69.0", [], ["SINCE_IGNORED"]],
    ["A8", "1.72.10", [], ["SINCE_IGNORED"]],
  ])("%s: --since-version %s adds %j", async (_, sinceVersion, added, notices) => {
    const versions = ["v1.65.9", "v1.66.0", "v1.66.3", "v1.67.1", "v1.68.0", "v1.69.0"];
    const options = { versions: [...versions, "v1.70.0", "v1.71.0", "v1.72.10"], standalone: [] };
    const outcome = await resolve({ sinceVersion }, options);
    const always = ["v1.68.0", "v1.69.0", "v1.70.0", "v1.71.0", "v1.72.10"];
    expect(tagsIn(outcome, "")).toEqual([...added, ...always].sort());
    const relevant = outcome.notices.filter((code) => code !== "STANDALONE_INSTALLER_MISSING");
    expect(relevant).toEqual(notices);
  });

  test("--since-version above rock-solid takes nothing away between the channels", async () => {
    const versions = ["v1.68.0", "v1.69.0", "v1.70.0"];
    const channels = {
      ...Object.fromEntries(FIVE.map((name) => [name, "v1.68.0"])),
      alpha: "v1.70.0",
    };
    const outcome = await resolve({ sinceVersion: "1.70.0" }, { versions, channels });
    expect(tagsIn(outcome, "")).toEqual(versions);
  });

  test("a release that the source spells without v is taken as it is spelled", async () => {
    const repositories = platformRepositories({ channels: {}, versions: ["1.68.0"] });
    const path = `${EDITION_ROOT}/release-channel`;
    const [own] = Object.values(repositories[path] ?? {});
    if (!own) throw new Error("the fixture lacks its release");
    const release = Object.fromEntries([...FIVE, "1.68.0"].map((tag) => [tag, own]));
    const source = memorySource({ ...repositories, [path]: release });
    const outcome = await resolveEdition(source, PLATFORM_ONLY);
    expect(tagsIn(outcome, "")).toEqual(["1.68.0"]);
    expect(tagsIn(outcome, "release-channel")).toEqual(["1.68.0", ...FIVE].sort());
  });

  test("A15: a missing channel is an error that names what is there", async () => {
    const failure = await failureOf(
      platform({ channels: { "rock-solid": "v1.68.0" } }),
      PLATFORM_ONLY,
    );
    expect(failure.message).toContain("alpha, beta, early-access, stable");
    expect(failure.message).toContain("has only rock-solid");
  });

  test("no channel at all is an error that says how to name a release", async () => {
    const failure = await failureOf(platform({ channels: {} }), PLATFORM_ONLY);
    expect(failure.message).toContain("has none (checked: alpha");
    expect(failure.hint).toContain("`platformTag`");
  });

  test("with lts alone, takes what it points at", async () => {
    const outcome = await resolve({}, { channels: { lts: "v1.69.0" } });
    expect(tagsIn(outcome, "")).toEqual(["v1.69.0"]);
    expect(tagsIn(outcome, "release-channel")).toEqual(["lts", "v1.69.0"]);
  });
});

describe("resolveSelection(): platform, ranges", () => {
  test.each([
    ["A9", ">=1.69 <=1.71", ["v1.69.0", "v1.70.0", "v1.71.0"], ["beta", "early-access", "stable"]],
    ["A10", "~1.69.0", ["v1.69.0"], ["stable"]],
    ["A11", ">=1.69.0 <=1.70.0", ["v1.69.0", "v1.70.0"], ["early-access", "stable"]],
  ])(
    "%s: --include-platform %s leaves no channel that points elsewhere",
    async (_, range, versions, channels) => {
      const outcome = await resolve({ includePlatform: range });
      expect(tagsIn(outcome, "")).toEqual(versions);
      expect(tagsIn(outcome, "release-channel")).toEqual([...channels, ...versions].sort());
      expect(tagsIn(outcome, "install")).toEqual([...channels, ...versions].sort());
    },
  );

  test("takes the latest patch of each minor and the versions that the range names", async () => {
    const versions = ["v1.69.0", "v1.69.1", "v1.69.2", "v1.70.1", "v1.70.2"];
    const outcome = await resolve({ includePlatform: ">=1.69.0" }, { channels: {}, versions });
    expect(tagsIn(outcome, "")).toEqual(["v1.69.0", "v1.69.2", "v1.70.2"]);
  });

  test("a range without a release is an error", async () => {
    const failure = await failureOf(platform(), { ...PLATFORM_ONLY, includePlatform: "^3" });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
  });
});

describe("resolveSelection(): platform, suspended channels", () => {
  const suspended = { suspended: ["alpha"] };

  test.each([{}, { platformTag: "alpha" }, { platformTag: "v1.72.10" }])(
    "A13: a suspended alpha refuses %j",
    async (wishes) => {
      const failure = await failureOf(platform(suspended), { ...PLATFORM_ONLY, ...wishes });
      expect(failure.message).toContain(
        'the source registry contains suspended release channel "alpha"',
      );
      expect(failure.hint).toContain("`ignoreSuspend`");
    },
  );

  test("A13: several are named together, sorted", async () => {
    const failure = await failureOf(
      platform({ suspended: ["stable", "rock-solid"] }),
      PLATFORM_ONLY,
    );
    expect(failure.message).toContain('channels "rock-solid", "stable"');
  });

  test.each(["stable", "v1.69.0", "pr12345"])("A14: does not refuse %s", async (platformTag) => {
    const outcome = await resolve({ platformTag }, suspended);
    expect(tagsIn(outcome, "")).toHaveLength(1);
  });

  test("A13: refuses a range that alpha lies in, A14: and no other", async () => {
    const wishes = { ...PLATFORM_ONLY, includePlatform: ">=1.69" };
    const failure = await failureOf(platform(suspended), wishes);
    expect(failure.message).toContain('suspended release channel "alpha"');
    const outcome = await resolve({ includePlatform: ">=1.69 <=1.71" }, suspended);
    expect(tagsIn(outcome, "")).toEqual(["v1.69.0", "v1.70.0", "v1.71.0"]);
  });

  test.each([{}, { platformTag: "alpha" }])("--ignore-suspend takes %j", async (wishes) => {
    const outcome = await resolve({ ignoreSuspend: true, ...wishes }, suspended);
    expect(tagsIn(outcome, "")).toContain("v1.72.10");
  });
});

describe("resolveSelection(): platform, images", () => {
  test("takes what an installer lists, by digest or by tag, each once", async () => {
    const versions = ["v1.69.0", "v1.69.1"];
    const outcome = await resolve(
      { includePlatform: ">=1.69.0" },
      { channels: {}, versions, byTag: ["v1.69.0"] },
    );
    const names = outcome.roots.filter(({ layout }) => layout === "").flatMap(({ tags }) => tags);
    // Two images are in both versions, where one of them names them by tag
    expect(names.filter((tag) => /^[0-9a-f]{64}$/.test(tag))).toHaveLength(5);
    expect(names.filter((tag) => tag.endsWith("-v1-69-0"))).toHaveLength(5);
    expect(new Set(names).size).toBe(names.length);
  });

  test("an installer's images_tags.json wins, and one without a list is an error", async () => {
    const path = `${EDITION_ROOT}/install`;
    const repositories = platformRepositories({ channels: {}, versions: ["v1.69.0"] });
    const listed = image({ name: "listed" });
    const main = { ...repositories[EDITION_ROOT], "listed-1": listed };
    const take = (files: Record<string, string>) =>
      memorySource({
        ...repositories,
        [EDITION_ROOT]: main,
        [path]: { "v1.69.0": image({ files }) },
      });
    const wishes = { ...PLATFORM_ONLY, platformTag: "v1.69.0" };
    const both = {
      "deckhouse/candi/images_tags.json": '{"m":{"i":"listed-1"}}',
      "deckhouse/candi/images_digests.json": `{"m":{"i":"sha256:${"0".repeat(64)}"}}`,
    };
    expect(tagsIn(await resolveEdition(take(both), wishes), "")).toEqual(["listed-1", "v1.69.0"]);
    const failure = await failureOf(take({ "other.json": "{}" }), wishes);
    expect(failure.code).toBe("CONTENT_INVALID");
    expect(failure.message).toContain("neither deckhouse/candi/images_digests.json");
  });

  test("attestations are asked for one by one where tags may not be listed", async () => {
    const failures = { [`tags ${EDITION_ROOT}`]: new DeniedError("no") };
    const edition = platformRepositories({ channels: {}, versions: ["v1.69.0"] });
    const wishes = { ...PLATFORM_ONLY, platformTag: "v1.69.0" };
    const outcome = await resolveEdition(memorySource(edition, { failures }), wishes);
    expect(outcome.roots.filter(({ kind }) => kind === "attestation")).toHaveLength(1);
  });

  test("takes attestations where they exist, unless they are skipped", async () => {
    const attestations = (outcome: Awaited<ReturnType<typeof resolve>>) =>
      outcome.roots.filter(({ kind }) => kind === "attestation");
    const found = attestations(await resolve({ platformTag: "stable" }));
    expect(found.map(({ tags }) => tags)).toEqual([
      [expect.stringMatching(/^sha256-\w{64}\.att$/)],
    ]);
    expect(found[0]?.layout).toBe("");
    expect(attestations(await resolve({ platformTag: "stable", skipVexImages: true }))).toEqual([]);
  });

  test.each([
    [`${EDITION_ROOT}`, "v1.69.0", 'release "v1.69.0"'],
    [`${EDITION_ROOT}/install`, "v1.69.0", "install"],
    [`${EDITION_ROOT}/release-channel`, "v1.69.0", "release image"],
  ])("an image that is not there is an error: %s:%s", async (repository, tag, words) => {
    const versions = Object.values(CHANNELS);
    const repositories = platformRepositories({ channels: CHANNELS, versions });
    const { [tag]: _, ...rest } = repositories[repository] ?? {};
    const source = memorySource({ ...repositories, [repository]: rest });
    const failure = await failureOf(source, PLATFORM_ONLY);
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toContain(words);
  });

  test("a listed image that is not there is an error", async () => {
    const versions = Object.values(CHANNELS);
    const repositories = platformRepositories({ channels: CHANNELS, versions });
    const main = Object.entries(repositories[EDITION_ROOT] ?? {});
    const rest = Object.fromEntries(main.filter(([tag]) => !tag.startsWith("@ingress v1.69.0")));
    const source = memorySource({ ...repositories, [EDITION_ROOT]: rest });
    const failure = await failureOf(source, PLATFORM_ONLY);
    expect(failure.message).toContain("install:v1.69.0");
    expect(failure.message).toContain("lists it");
  });

  test("missing standalone installers are one notice", async () => {
    const outcome = await resolve({}, { standalone: ["v1.72.10"] });
    expect(tagsIn(outcome, "install-standalone")).toEqual(["v1.72.10"]);
    expect(outcome.notices).toEqual(["STANDALONE_INSTALLER_MISSING"]);
    expect(outcome.messages[0]).toContain("v1.68.0, v1.69.0, v1.70.0, v1.71.0");
  });
});
