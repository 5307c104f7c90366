import { describe, expect, test } from "vitest";
import { formatReference } from "../../../src/oci/reference.ts";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import type { Root } from "../../../src/selection/resolve/root.ts";
import { AMD64, ARM64, image, index } from "../../support/artifacts.ts";
import {
  type MemoryRepositories,
  type MemorySource,
  memorySource,
  moduleRepositories,
  NotFoundError,
  namedImage,
  releaseImage,
} from "../../support/memory-source.ts";

interface Outcome {
  readonly roots: readonly Root[];
  readonly notices: readonly string[];
  readonly messages: readonly string[];
}

async function resolve(
  source: MemorySource,
  wishes: ParseSelectionOptions,
  options: { readonly concurrency?: number; readonly signal?: AbortSignal } = {},
): Promise<Outcome> {
  const { selection } = parseSelection({ ...MODULES_ONLY, ...wishes });
  const notices: string[] = [];
  const messages: string[] = [];
  const { roots } = await resolveSelection(selection, {
    openSource: source.openSource,
    onNotice: (code, message) => {
      // Most modules here have no images of their own
      if (code !== "IMAGE_LIST_MISSING") notices.push(code);
      messages.push(message);
    },
    ...options,
  });
  return { roots, notices, messages };
}

/** The other components have tests of their own. */
const MODULES_ONLY: ParseSelectionOptions = {
  source: "registry.test/acme",
  noPlatform: true,
  noInstaller: true,
  noSecurityDb: true,
  noPackages: true,
  noPackageVersions: true,
  noPlugins: true,
};

async function failureOf(source: MemorySource, wishes: ParseSelectionOptions) {
  try {
    await resolve(source, wishes);
  } catch (error) {
    return error as Error & { code: string; hint?: string; nearest: string[]; parts: Error[] };
  }
  throw new Error("expected an error");
}

/** Layout → tags. */
function tagsOf({ roots }: Outcome): Record<string, string[]> {
  const tags: Record<string, string[]> = {};
  for (const root of roots) {
    tags[root.layout] = [...(tags[root.layout] ?? []), ...root.tags].sort();
  }
  return tags;
}

function tagsIn(outcome: Outcome, layout: string): string[] {
  return tagsOf(outcome)[layout] ?? [];
}

const LIST = "images_digests.json";
const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];

function allChannels(version: string): Record<string, string> {
  return Object.fromEntries(FIVE.map((channel) => [channel, version]));
}

const CATALOG: MemoryRepositories = {
  "acme/modules": {
    console: image({ name: "console" }),
    commander: image({ name: "commander" }),
    code: image({ name: "code" }),
    "csi-huawei": image({ name: "csi-huawei" }),
  },
};

const CONSOLE = moduleRepositories({
  name: "console",
  versions: ["v1.39.0", "v1.40.0", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"],
  channels: allChannels("v1.45.2"),
});

describe("resolveSelection(): names of modules", () => {
  const source = () =>
    memorySource({
      "acme/modules": { alpha: image(), beta: image(), gamma: image() },
      ...moduleRepositories({
        name: "alpha",
        versions: ["v1.0.0"],
        channels: { stable: "v1.0.0" },
      }),
      ...moduleRepositories({ name: "beta", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } }),
      ...moduleRepositories({
        name: "gamma",
        versions: ["v1.0.0"],
        channels: { stable: "v1.0.0" },
      }),
      ...moduleRepositories({
        name: "hidden",
        versions: ["v1.0.0"],
        channels: { stable: "v1.0.0" },
      }),
    });

  const packagesOf = ({ roots }: Outcome) => [...new Set(roots.map((root) => root.packageName))];

  test.each<[string, ParseSelectionOptions, string[]]>([
    ["M1, M4: everything", {}, ["module-alpha", "module-beta", "module-gamma"]],
    [
      "M2, M3: what is included",
      { includeModules: ["beta", "alpha"] },
      ["module-alpha", "module-beta"],
    ],
    [
      "M5, M6: what is not excluded",
      { excludeModules: ["beta"] },
      ["module-alpha", "module-gamma"],
    ],
    ["a name that the catalogue lacks", { includeModules: ["hidden"] }, ["module-hidden"]],
  ])("%s", async (_, wishes, packages) => {
    const outcome = await resolve(source(), wishes);
    expect(packagesOf(outcome)).toEqual(packages);
    expect(outcome.notices).toEqual([]);
  });

  test("excluding an unknown name is a notice", async () => {
    const outcome = await resolve(source(), { excludeModules: ["delta"] });
    expect(outcome.notices).toEqual(["EXCLUDE_UNKNOWN"]);
  });

  describe("excluding versions of a module", () => {
    const channels = { alpha: "v2.0.0", stable: "v1.3.0" };
    const versions = ["v1.2.0", "v1.3.0", "v1.3.1", "v1.4.0", "v2.0.0"];
    const foo = memorySource({
      ...moduleRepositories({ name: "foo", versions, channels }),
      "acme/modules": { foo: image() },
    });

    test.each<[string, ParseSelectionOptions, string[], string[], string[]]>([
      [
        "leaves out what the release channels point at, and these",
        { excludeModules: ["foo@^1"] },
        ["v2.0.0"],
        ["alpha", "v2.0.0"],
        ["CHANNEL_EXCLUDED"],
      ],
      [
        "leaves out an exact tag",
        { excludeModules: ["foo@=v2.0.0"] },
        ["v1.3.0"],
        ["stable", "v1.3.0"],
        ["CHANNEL_EXCLUDED"],
      ],
      [
        "leaves out versions of a range that is included",
        { includeModules: ["foo@^1"], excludeModules: ["foo@=v1.3.1", "foo@~1.2"] },
        ["v1.3.0", "v1.4.0", "v2.0.0"],
        ["alpha", "stable", "v1.3.0", "v1.4.0", "v2.0.0"],
        [],
      ],
      [
        "comes before the latest patch is looked for",
        { includeModules: ["foo@~1.3"], excludeModules: ["foo@=v1.3.1"], latestPatch: true },
        ["v1.3.0", "v2.0.0"],
        ["alpha", "stable", "v1.3.0", "v2.0.0"],
        [],
      ],
      [
        "leaves a tag that is included by name",
        { includeModules: ["foo@=v1.3.0"], excludeModules: ["foo@^1"] },
        ["v1.3.0"],
        [...FIVE, "v1.3.0"],
        ["EXCLUDE_IGNORED"],
      ],
      [
        "that would not be taken is a notice",
        { excludeModules: ["foo@~1.4"] },
        ["v1.3.0", "v2.0.0"],
        ["alpha", "stable", "v1.3.0", "v2.0.0"],
        ["EXCLUDE_UNKNOWN"],
      ],
    ])("%s: %j", async (_, wishes, modules, releases, notices) => {
      const outcome = await resolve(foo, wishes);
      expect(tagsIn(outcome, "modules/foo")).toEqual(modules);
      expect(tagsIn(outcome, "modules/foo/release")).toEqual([...releases].sort());
      expect(outcome.notices).toEqual(notices);
    });

    test("that are all there are skips the module with a notice", async () => {
      const bar = moduleRepositories({
        name: "bar",
        versions: ["v1.0.0"],
        channels: { stable: "v1.0.0" },
      });
      const both = memorySource({
        ...moduleRepositories({ name: "foo", versions, channels }),
        ...bar,
        "acme/modules": { foo: image(), bar: image() },
      });
      const outcome = await resolve(both, { excludeModules: ["foo@>=1"] });
      expect(tagsIn(outcome, "modules/foo")).toEqual([]);
      expect(tagsIn(outcome, "modules/bar")).toEqual(["v1.0.0"]);
      expect(outcome.messages).toContain(
        'Module "foo" is skipped: `excludeModules` leaves out every version that its release channels point at',
      );
    });

    test("that are all of a range is an error that says so", async () => {
      const failure = await failureOf(foo, {
        includeModules: ["foo@~1.4"],
        excludeModules: ["foo@^1"],
      });
      expect(failure.message).toContain("`excludeModules` leaves out every tag in this range");
    });
  });

  test("a source without a catalogue works for named modules", async () => {
    const bare = memorySource(
      moduleRepositories({ name: "foo", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } }),
    );
    expect(packagesOf(await resolve(bare, { includeModules: ["foo"] }))).toEqual(["module-foo"]);
  });

  test("a source without a catalogue is a notice, and an error if nothing else is selected", async () => {
    const wishes = { includeImages: ["registry.test/web:v1"] };
    const outcome = await resolve(memorySource({ web: { v1: image() } }), wishes);
    expect(outcome.notices).toEqual(["MODULES_MISSING"]);
    expect(await failureOf(memorySource({}), {})).toMatchObject({ code: "SELECTION_UNMATCHED" });
  });

  test("a catalogue without a tag is as good as none", async () => {
    const wishes = { includeImages: ["registry.test/web:v1"] };
    const outcome = await resolve(
      memorySource({ web: { v1: image() }, "acme/modules": {} }),
      wishes,
    );
    expect(outcome.notices).toEqual(["MODULES_MISSING"]);
  });

  test.each<ParseSelectionOptions>([
    { modulesPathSuffix: "/elsewhere" },
    { excludeModules: ["a"] },
  ])("a missing catalogue is an error for who counts on it: %j", async (wishes) => {
    const web = memorySource({ web: { v1: image() } });
    const failure = await failureOf(web, { ...wishes, includeImages: ["registry.test/web:v1"] });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toContain("Cannot find any module");
    expect(failure.hint).toContain("`modulesPathSuffix`");
  });

  test("modulesPathSuffix / looks for modules beside the platform, not among its tags", async () => {
    const hex = "a".repeat(64);
    const platform = ["v1.70.3", "1.71", "stable", hex, `sha256-${hex}.att`];
    const tags = [...platform, "foo"].map((tag) => [tag, image()] as const);
    const shared = memorySource({
      acme: Object.fromEntries(tags),
      "acme/foo": { "v1.0.0": image() },
      "acme/foo/release": { stable: releaseImage("v1.0.0") },
    });
    const outcome = await resolve(shared, { modulesPathSuffix: "/" });
    expect(packagesOf(outcome)).toEqual(["module-foo"]);
    expect(outcome.notices).toEqual([]);
    expect(shared.requests.filter((request) => !request.includes("acme/foo"))).toEqual([
      "tags acme",
    ]);
  });

  test.each([
    ["gama", ["gamma"], /Did you mean "gamma"/],
    ["zzzzzz", [], /Choose from alpha, beta, gamma/],
  ])("an unknown name is an error with the nearest names: %s", async (name, nearest, hint) => {
    for (const entry of [name, `${name}@^1.0`, `${name}@=v1.0.0`]) {
      const failure = await failureOf(source(), { includeModules: [entry] });
      expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED", nearest });
      expect(failure.message).toContain(`Cannot find module "${name}"`);
      expect(failure.hint).toMatch(hint);
    }
  });

  test("several mismatches are reported together, in order", async () => {
    const failure = await failureOf(source(), {
      includeModules: ["zzzzzz", "alpha@^9", "gama"],
      includeImages: ["registry.test/nothing:v1"],
    });
    expect(failure.parts.map(({ message }) => message.slice(0, 40))).toEqual([
      'Cannot find versions ^9 of module "alpha',
      'Cannot find module "gama": the source ha',
      'Cannot find module "zzzzzz": the source ',
      'Cannot find image "registry.test/nothing',
    ]);
    expect(failure.message).toMatch(/^Cannot find 4 things: .*Did you mean "gamma"/);
  });

  test.each([
    ["/", "acme"],
    ["/my/mods", "acme/my/mods"],
  ])("modulesPathSuffix %s moves the source, not the bundle", async (modulesPathSuffix, base) => {
    const repositories = moduleRepositories({
      name: "foo",
      versions: ["v1.0.0"],
      channels: { stable: "v1.0.0" },
    });
    const moved = Object.fromEntries(
      Object.entries(repositories).map(([path, tags]) => [
        path.replace("acme/modules", base),
        tags,
      ]),
    );
    const outcome = await resolve(memorySource({ [base]: { foo: image() }, ...moved }), {
      modulesPathSuffix,
    });
    expect(Object.keys(tagsOf(outcome))).toEqual(["modules/foo", "modules/foo/release"]);
    expect(outcome.roots.map((root) => root.origin.repository)).toContain(`${base}/foo`);
  });

  test("tags of the catalogue that cannot be modules are skipped with a notice", async () => {
    const odd = memorySource({
      "acme/modules": { Foo_: image(), foo: image() },
      ...moduleRepositories({ name: "foo", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } }),
    });
    expect((await resolve(odd, {})).notices).toEqual(["MODULE_NAME_INVALID"]);
  });
});

describe("resolveSelection(): versions and channels", () => {
  const FOO = moduleRepositories({
    name: "foo",
    versions: ["v1.0.0", "v1.1.0", "v1.2.0", "v1.3.0", "v1.3.3", "v1.4.1"],
    channels: { alpha: "v1.4.1", stable: "v1.2.0" },
  });

  test.each([
    ["semver:>=1", ["TAGS_UNREAD"]],
    ["glob:1.2.*", []],
  ])(
    "tags of an image that look like versions and are none are told of with %s, if they can be meant",
    async (policy, codes) => {
      const tags = { "1.2.0": namedImage("a"), "1.2.1.4460-a39b2": namedImage("b") };
      const source = memorySource({ "acme/plex": tags });
      const outcome = await resolve(source, {
        includeImages: [`registry.test/acme/plex@${policy}`],
      });
      expect(outcome.notices.filter((code) => code === "TAGS_UNREAD")).toEqual(codes);
    },
  );

  test("tags of a module that look like versions and are none are counted in a notice", async () => {
    const foo = {
      "v1.2.0": namedImage("a"),
      "v1.2.1_b": namedImage("b"),
      "v1.2.3.4": namedImage("c"),
    };
    const source = memorySource({ "acme/modules/foo": foo });
    const outcome = await resolve(source, { includeModules: ["foo@^1.2"] });
    expect(tagsIn(outcome, "modules/foo")).toEqual(["v1.2.0"]);
    expect(outcome.notices).toEqual(["TAGS_UNREAD"]);
    expect(outcome.messages.join()).toMatch(
      /2 tags of .*foo" look like .*\(v1\.2\.1_b, v1\.2\.3\.4\)/,
    );
  });

  test("a module without release repository is fine for ranges and exact tags", async () => {
    const { "acme/modules/foo": versions = {} } = FOO;
    const source = memorySource({ "acme/modules/foo": versions });
    expect(tagsOf(await resolve(source, { includeModules: ["foo@^1.3.0"] }))).toEqual({
      "modules/foo": ["v1.3.0", "v1.3.3", "v1.4.1"],
    });
    const pinned = await resolve(source, { includeModules: ["foo@=v1.3.0"] });
    expect(tagsOf(pinned)).toEqual({ "modules/foo": ["v1.3.0"] });
    expect(pinned.notices).toEqual(["PIN_UNPUBLISHED"]);
  });

  test("a named module without channels is an error that lists its versions", async () => {
    const { "acme/modules/foo": versions = {} } = FOO;
    const source = memorySource({ "acme/modules/foo": versions });
    const failure = await failureOf(source, { includeModules: ["foo"] });
    expect(failure.message).toBe(
      'Cannot find versions of module "foo": it has no release channels, and no version is named',
    );
    expect(failure.hint).toContain("v1.4.1, v1.3.3, v1.3.0");
  });

  test("a hint names no tags that only stand for digests", async () => {
    const hex = "0".repeat(64);
    const named = { "v1.0.0": image(), [hex]: image(), [`sha256-${hex}.att`]: image() };
    const source = memorySource({ "acme/modules/foo": named });
    const failure = await failureOf(source, { includeModules: ["foo@^2"] });
    expect(failure.hint).toBe("Choose from v1.0.0");
  });

  test.each<[string, string, RegExp, RegExp]>([
    ["a range without a match", "foo@^9.0.0", /versions \^9\.0\.0 of module "foo"/, /v1\.4\.1/],
    [
      "a missing exact tag",
      "foo@=v1.3.4",
      /tag "v1\.3\.4" of module "foo"/,
      /Did you mean "v1\.3\.0"/,
    ],
    ["a tag in another spelling", "foo@=1.3.0", /tag "1\.3\.0"/, /Did you mean "v1\.3\.0"/],
  ])("%s is an error with the tags that exist: %s", async (_, entry, message, hint) => {
    const failure = await failureOf(memorySource(FOO), { includeModules: [entry] });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toMatch(message);
    expect(failure.hint).toMatch(hint);
  });

  test("a channel may name its version without v, and the tag keeps the spelling of the registry", async () => {
    const source = memorySource({
      "acme/modules/foo": { "v0.6.1": namedImage("a"), "0.7.0": namedImage("b") },
      "acme/modules/foo/release": { alpha: releaseImage("0.7.0"), stable: releaseImage("0.6.1") },
    });
    expect(tagsOf(await resolve(source, { includeModules: ["foo"] }))).toEqual({
      "modules/foo": ["0.7.0", "v0.6.1"],
      "modules/foo/release": ["alpha", "stable"],
    });
  });

  test("a channel that points at a missing version is an error", async () => {
    const source = memorySource({
      "acme/modules/foo": { "v1.0.0": image() },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.1") },
    });
    const failure = await failureOf(source, { includeModules: ["foo"] });
    expect(failure.message).toContain("channel stable points at it");
    expect(failure).toMatchObject({ nearest: ["v1.0.0"] });
  });

  test("a channel without version.json is left out with a notice, damage is an error", async () => {
    const release = { alpha: image({ name: "odd" }), stable: releaseImage("v1.0.0") };
    const versions = { "v1.0.0": image() };
    const source = memorySource({
      "acme/modules/foo": versions,
      "acme/modules/foo/release": release,
    });
    const outcome = await resolve(source, { includeModules: ["foo"] });
    expect(outcome.notices).toEqual(["CHANNEL_UNREADABLE"]);
    expect(tagsIn(outcome, "modules/foo/release")).toEqual(["stable"]);
    const damaged = image({ files: { "version.json": "{" } });
    const broken = memorySource({
      "acme/modules/foo": versions,
      "acme/modules/foo/release": { ...release, alpha: damaged },
    });
    expect(await failureOf(broken, { includeModules: ["foo"] })).toMatchObject({
      code: "CONTENT_INVALID",
    });
  });

  test("a suspended channel is a notice", async () => {
    const source = memorySource({
      "acme/modules/foo": { "v1.0.0": image() },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0", { suspend: true }) },
    });
    expect((await resolve(source, { includeModules: ["foo"] })).notices).toEqual([
      "CHANNEL_SUSPENDED",
    ]);
  });

  test("a single exact tag is published to all five channels, whatever they point at", async () => {
    const source = memorySource(FOO);
    const outcome = await resolve(source, { includeModules: ["foo@=v1.3.0"] });
    const releases = outcome.roots.filter((root) => root.kind === "release-channel");
    expect(releases).toHaveLength(1);
    expect(releases[0]).toMatchObject({
      reference: "v1.3.0",
      tags: ["alpha", "beta", "early-access", "rock-solid", "stable", "v1.3.0"],
    });
    expect(source.requests).not.toContain("get acme/modules/foo/release:alpha");
  });

  test("a single exact tag is published to lts where the source has it", async () => {
    const source = memorySource(
      moduleRepositories({
        name: "foo",
        versions: ["v1.0.0", "v1.1.0"],
        channels: { lts: "v1.0.0" },
      }),
    );
    const outcome = await resolve(source, { includeModules: ["foo@=v1.1.0"] });
    expect(tagsOf(outcome)).toEqual({
      "modules/foo": ["v1.1.0"],
      "modules/foo/release": [...FIVE, "lts", "v1.1.0"].sort(),
    });
  });

  test("an exact tag is published to lts as well where the user says so", async () => {
    const includeModules = ["foo@=v1.3.0", "foo@=v1.3.0+lts"];
    const outcome = await resolve(memorySource(FOO), { includeModules });
    expect(tagsIn(outcome, "modules/foo/release")).toEqual([...FIVE, "lts", "v1.3.0"].sort());
  });

  test("an exact tag with a channel is published to that one only", async () => {
    const outcome = await resolve(memorySource(FOO), { includeModules: ["foo@=v1.3.0+stable"] });
    expect(tagsOf(outcome)).toEqual({
      "modules/foo": ["v1.3.0"],
      "modules/foo/release": ["stable", "v1.3.0"],
    });
  });

  test("of several exact tags only those with a channel are published", async () => {
    const outcome = await resolve(memorySource(FOO), {
      includeModules: ["foo@=v1.3.0", "foo@=v1.2.0+beta", "foo@=v1.2.0+alpha"],
    });
    expect(tagsOf(outcome)).toEqual({
      "modules/foo": ["v1.2.0", "v1.3.0"],
      "modules/foo/release": ["alpha", "beta", "v1.2.0", "v1.3.0"],
    });
    expect(outcome.notices).toEqual(["PIN_UNPUBLISHED"]);
    expect(outcome.messages).toContainEqual(
      expect.stringMatching(/^Tag "v1\.3\.0" of module "foo" is published to no release channel/),
    );
  });

  test("a channel claimed by a pin beside a range is taken from the source no more", async () => {
    const outcome = await resolve(memorySource(FOO), {
      includeModules: ["foo@~1.0.0", "foo@=v1.3.3+stable"],
    });
    expect(tagsIn(outcome, "modules/foo")).toEqual(["v1.0.0", "v1.2.0", "v1.3.3", "v1.4.1"]);
    const stable = outcome.roots.find((root) => root.tags.includes("stable"));
    expect(stable?.tags).toEqual(["stable", "v1.3.3"]);
  });

  test("an exact tag without a release image cannot be published to a named channel", async () => {
    const source = memorySource({
      "acme/modules/foo": { bobV1: image() },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0") },
    });
    const outcome = await resolve(source, { includeModules: ["foo@=bobV1"] });
    expect(tagsOf(outcome)).toEqual({ "modules/foo": ["bobV1"] });
    expect(outcome.notices).toEqual(["PIN_UNPUBLISHED"]);
    const failure = await failureOf(source, { includeModules: ["foo@=bobV1+stable"] });
    expect(failure).toMatchObject({
      code: "SELECTION_UNMATCHED",
      hint: 'Write "foo@=bobV1" to take the tag without a channel',
    });
  });

  test.each([
    ["another version", releaseImage("v9.9.9"), 'stands for "v9.9.9"'],
    ["no version", image({ layers: 0 }), "has no version.json"],
  ])("a release image that names %s becomes no channel", async (_, built, reason) => {
    const source = memorySource({
      "acme/modules/foo": { "v1.0.0": image() },
      "acme/modules/foo/release": { "v1.0.0": built },
    });
    const outcome = await resolve(source, { includeModules: ["foo@=v1.0.0"] });
    expect(tagsOf(outcome)).toEqual({
      "modules/foo": ["v1.0.0"],
      "modules/foo/release": ["v1.0.0"],
    });
    expect(outcome.notices).toEqual(["PIN_UNPUBLISHED"]);
    const failure = await failureOf(source, { includeModules: ["foo@=v1.0.0+stable"] });
    expect(failure.message).toContain(reason);
  });
});

describe("resolveSelection(): images that a module lists", () => {
  const backend = namedImage("backend");
  const frontend = namedImage("frontend");
  const hexOf = ({ manifest }: typeof backend) =>
    manifest.descriptor.digest.slice("sha256:".length);
  const digestsFile = (...images: (typeof backend)[]) =>
    JSON.stringify({ any: { shape: images.map(({ manifest }) => manifest.descriptor.digest) } });

  function source(files: Record<string, string>, more: MemoryRepositories = {}): MemorySource {
    return memorySource({
      "acme/modules/foo": {
        "v1.0.0": image({ name: "foo", files }),
        "@backend": backend,
        "@frontend": frontend,
      },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0") },
      "acme/modules/foo/extra/scanner": { "3": namedImage("scanner") },
      "acme/modules/foo/extra/enforcer": { "v4.5.6": namedImage("enforcer") },
      ...more,
    });
  }

  test("internal images get their bare hex as tag", async () => {
    const outcome = await resolve(
      source({ "images_digests.json": digestsFile(backend, frontend) }),
      {
        includeModules: ["foo"],
      },
    );
    expect(tagsIn(outcome, "modules/foo")).toEqual(
      [hexOf(backend), hexOf(frontend), "v1.0.0"].sort(),
    );
    const root = outcome.roots.find(({ tags }) => tags.includes(hexOf(backend)));
    expect(root).toMatchObject({
      packageName: "module-foo",
      packageKind: "module",
      layout: "modules/foo",
      repository: "modules/foo",
      kind: "image",
      reference: backend.manifest.descriptor.digest,
      origin: { registry: "registry.test", repository: "acme/modules/foo" },
      manifest: backend.manifest,
    });
  });

  test("extra images live in repositories of their own, under tags or whole numbers", async () => {
    const file = JSON.stringify({ scanner: 3, enforcer: "v4.5.6", odd: { a: 1 } });
    const outcome = await resolve(source({ "extra_images.json": file }), {
      includeModules: ["foo"],
    });
    expect(tagsOf(outcome)).toMatchObject({
      "modules/foo/extra/enforcer": ["v4.5.6"],
      "modules/foo/extra/scanner": ["3"],
    });
    expect(outcome.roots.filter(({ kind }) => kind === "extra")).toHaveLength(2);
    expect(outcome.notices).toEqual(["EXTRA_IMAGE_SKIPPED"]);
  });

  test("versions without a list of images are named, once for a module", async () => {
    const versions = { "v1.0.0": image({ name: "1" }), "v1.1.0": image({ name: "2" }) };
    const repositories = {
      "acme/modules/foo": { ...versions, "v1.2.0": image({ files: { [LIST]: "{}" } }) },
    };
    const outcome = await resolve(memorySource(repositories), { includeModules: ["foo@^1.0"] });
    expect(outcome.messages.filter((message) => message.includes(LIST))).toEqual([
      `Module "foo" has no readable ${LIST} in v1.0.0, v1.1.0: no images of its own are taken`,
    ]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    [
      "an internal image",
      { "images_digests.json": digestsFile(namedImage("gone")) },
      /foo:v1\.0\.0" lists it/,
    ],
    ["an extra image", { "extra_images.json": '{"scanner":"v9"}' }, /extra\/scanner:v9/],
    ["an extra repository", { "extra_images.json": '{"nothing":"v9"}' }, /extra\/nothing:v9/],
  ])("%s that is missing is an error", async (_, files, message) => {
    const failure = await failureOf(source(files), { includeModules: ["foo"] });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toMatch(message);
  });

  test.each([
    ["not JSON", "{"],
    ["a list", "[]"],
    ["a path", '{"../x":"v1"}'],
    ["no tag", '{"scanner":"v1/../x"}'],
  ])("extra_images.json that is %s is an error", async (_, file) => {
    const failure = await failureOf(source({ "extra_images.json": file }), {
      includeModules: ["foo"],
    });
    expect(failure).toMatchObject({ code: "CONTENT_INVALID" });
    expect(failure.message).toContain("foo:v1.0.0");
  });

  test.each(["foo", "foo@^1.0", "foo@=v1.0.0"])(
    "onlyExtraImages takes nothing else, also of %s",
    async (entry) => {
      const files = {
        "extra_images.json": '{"scanner":3}',
        "images_digests.json": digestsFile(backend),
      };
      const outcome = await resolve(source(files), {
        includeModules: [entry],
        onlyExtraImages: true,
      });
      expect(tagsOf(outcome)).toEqual({ "modules/foo/extra/scanner": ["3"] });
    },
  );

  test("a list of images that cannot be read is told, and one of nothing is none", async () => {
    const messagesOf = async (text: string) =>
      (await resolve(source({ "images_digests.json": text }), { includeModules: ["foo"] }))
        .messages;
    const told = expect.stringContaining("no readable images_digests.json in v1.0.0");
    expect(await messagesOf('{"web":')).toContainEqual(told);
    expect(await messagesOf("")).toContainEqual(told);
    expect(await messagesOf("{}")).not.toContainEqual(told);
  });

  test("onlyExtraImages names a module that has none, if the user did", async () => {
    const wishes = { onlyExtraImages: true, includeImages: ["registry.test/web:v1"] };
    const plain = source({ "images_digests.json": "{}" }, { web: { v1: image() } });
    const named = await resolve(plain, { ...wishes, includeModules: ["foo"] });
    expect(named.messages).toContain('Module "foo" is skipped: no extra images in v1.0.0');
    const withCatalog = source({}, { web: { v1: image() }, "acme/modules": { foo: image() } });
    expect((await resolve(withCatalog, wishes)).notices).not.toContain("MODULE_EMPTY");
  });

  test("the lists of all platforms of an index are read, or of the chosen ones", async () => {
    const platforms = [
      image({
        name: "amd64",
        platform: AMD64,
        files: { "images_digests.json": digestsFile(backend) },
      }),
      image({
        name: "arm64",
        platform: ARM64,
        files: { "images_digests.json": digestsFile(frontend) },
      }),
    ];
    const repositories = {
      "acme/modules/foo": {
        "v1.0.0": index(platforms),
        "@backend": backend,
        "@frontend": frontend,
      },
      "acme/modules/foo/release": { stable: releaseImage("v1.0.0") },
    };
    const all = await resolve(memorySource(repositories), { includeModules: ["foo"] });
    expect(tagsIn(all, "modules/foo")).toEqual([hexOf(backend), hexOf(frontend), "v1.0.0"].sort());
    const wishes = { includeModules: ["foo"], platforms: ["linux/arm64"] };
    const chosen = await resolve(memorySource(repositories), wishes);
    expect(tagsIn(chosen, "modules/foo")).toEqual([hexOf(frontend), "v1.0.0"].sort());
    const none = { includeModules: ["foo"], platforms: ["linux/s390x"] };
    expect(await failureOf(memorySource(repositories), none)).toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining("for linux/s390x"),
    });
  });
});

describe("resolveSelection(): images", () => {
  const web = Object.fromEntries(
    ["v1.0.0", "v2.1.0", "v2.1.3", "2.2", "latest"].map((tag) => [tag, namedImage(`web ${tag}`)]),
  );
  const { digest } = namedImage("web v1.0.0").manifest.descriptor;
  const hex = digest.slice("sha256:".length);

  test.each<[string, string, string[]]>([
    ["a name alone", "registry.test/acme/web", ["latest"]],
    ["a tag", "registry.test/acme/web:v1.0.0", ["v1.0.0"]],
    ["an exact tag", "registry.test/acme/web@=v1.0.0", ["v1.0.0"]],
    ["a digest", `registry.test/acme/web@${digest}`, [hex]],
    ["tag and digest", `registry.test/acme/web:named@${digest}`, [hex, "named"]],
    ["a range", "registry.test/acme/web@^2.1", ["2.2", "v2.1.0", "v2.1.3"]],
  ])("%s: %s", async (_, entry, tags) => {
    const outcome = await resolve(memorySource({ "acme/web": web }), {
      source: undefined,
      includeImages: [entry],
    });
    expect(tagsOf(outcome)).toEqual({ "": tags });
    expect(outcome.roots[0]).toMatchObject({
      packageName: "images",
      packageKind: "images",
      repository: "registry.test/acme/web",
      kind: "image",
      origin: { registry: "registry.test", repository: "acme/web" },
    });
  });

  test("a repository that may not be listed is not said to have no tags", async () => {
    const denied = Object.assign(new NotFoundError("denied"), { code: "REGISTRY_DENIED" });
    const failures = { "tags acme/web": denied };
    const source = memorySource({ "acme/web": web }, { failures });
    const failure = await failureOf(source, {
      includeImages: ["registry.test/acme/web:v9"],
      noModules: true,
    });
    expect(failure.message).toMatch(/does not have "v9"/);
    expect(failure.hint).toBeUndefined();
  });

  test("latestPatch keeps the highest patch of each minor", async () => {
    const outcome = await resolve(memorySource({ "acme/web": web }), {
      source: undefined,
      includeImages: ["registry.test/acme/web@^2"],
      latestPatch: true,
    });
    expect(tagsIn(outcome, "")).toEqual(["2.2", "v2.1.3"]);
  });

  const charts = Object.fromEntries(
    ["1.2.3_up1.0", "1.2.4-rc.1_up1.0", "1.3.0", "1.3.0_up2", "2.0.0_up1.0"].map((tag) => [
      tag,
      namedImage(`chart ${tag}`),
    ]),
  );

  test.each<[string, string, string[]]>([
    ["lies in a range", "@^1.2", ["1.2.3_up1.0", "1.3.0", "1.3.0_up2"]],
    ["is a pre-release where it says so", "@~1.2.4-0", ["1.2.4-rc.1_up1.0"]],
    ["is found with its +", "@=1.2.3+up1.0", ["1.2.3_up1.0"]],
    ["is found as it stands", "@=1.2.3_up1.0", ["1.2.3_up1.0"]],
    ["is found as a tag with its +", ":1.2.3+up1.0", ["1.2.3_up1.0"]],
  ])("a chart version that Helm tagged with _ for + %s: %s", async (_, constraint, tags) => {
    const outcome = await resolve(memorySource({ charts }), {
      source: undefined,
      includeImages: [`registry.test/charts${constraint}`],
    });
    expect(tagsOf(outcome)).toEqual({ "": tags });
    expect(outcome.notices).toEqual([]);
  });

  test("tags that look like versions and are none are counted in a notice", async () => {
    const odd = ["V1.3.0", "1.2.3.4", "1.2.0-01", "1.2.3_a_b", "latest", "20240101"];
    const windows = Object.fromEntries(
      Array.from({ length: 8 }, (_, build) => [`10.0.${build}.1`, namedImage("windows")]),
    );
    const source = memorySource({
      charts: { ...charts, ...Object.fromEntries(odd.map((tag) => [tag, namedImage(tag)])) },
      windows: { "10.0.1": namedImage("windows"), ...windows },
    });
    const outcome = await resolve(source, {
      source: undefined,
      includeImages: ["registry.test/charts@^1.2", "registry.test/windows@^10.0"],
    });
    expect(outcome.notices).toEqual(["TAGS_UNREAD", "TAGS_UNREAD"]);
    expect(outcome.messages).toEqual([
      '4 tags of "registry.test/charts" look like versions and are none: no range takes them (1.2.0-01, 1.2.3.4, 1.2.3_a_b, V1.3.0)',
      '8 tags of "registry.test/windows" look like versions and are none: no range takes them (10.0.0.1, 10.0.1.1, 10.0.2.1, 10.0.3.1, 10.0.4.1 and 3 more)',
    ]);
  });

  test.each<[string, string, RegExp, RegExp]>([
    [
      "a missing tag",
      "registry.test/acme/web:v2.1.4",
      /does not have "v2\.1\.4"/,
      /Did you mean "v2\.1\.0"/,
    ],
    [
      "a range without a match",
      "registry.test/acme/web@^3",
      /no tag lies in this range/,
      /2\.2, v2\.1\.3/,
    ],
    [
      "a missing repository",
      "registry.test/acme/wab:v1",
      /there is no repository/,
      /Check the name/,
    ],
    ["a missing digest", `registry.test/acme/web@sha256:${"0".repeat(64)}`, /does not have/, /./],
  ])("%s is an error: %s", async (_, entry, message, hint) => {
    const source = memorySource({ "acme/web": web });
    const failure = await failureOf(source, { includeImages: [entry], noModules: true });
    expect(failure).toMatchObject({ code: "SELECTION_UNMATCHED" });
    expect(failure.message).toMatch(message);
    expect(failure.hint).toMatch(hint);
  });

  test("two names of one image are one root with both tags", async () => {
    const same = namedImage("same");
    const outcome = await resolve(memorySource({ web: { a: same, b: same }, other: { a: same } }), {
      source: undefined,
      includeImages: ["registry.test/web:b", "registry.test/web:a", "registry.test/other:a"],
    });
    expect(
      outcome.roots.map(({ repository, tags, reference }) => ({ repository, tags, reference })),
    ).toEqual([
      { repository: "registry.test/other", tags: ["a"], reference: "a" },
      { repository: "registry.test/web", tags: ["a", "b"], reference: "a" },
    ]);
  });

  test("one tag for two images is refused", async () => {
    const failure = await failureOf(memorySource({ "acme/web": web }), {
      noModules: true,
      includeImages: ["registry.test/acme/web:latest", `registry.test/acme/web:latest@${digest}`],
    });
    expect(failure).toMatchObject({ code: "SELECTION_INVALID" });
  });
});

describe("resolveSelection(): requests", () => {
  const CATALOGUE = {
    ...CATALOG,
    ...CONSOLE,
    ...moduleRepositories({ name: "code", versions: ["v1.0.0"], channels: allChannels("v1.0.0") }),
    web: Object.fromEntries(["v1.0.0", "v1.1.0"].map((tag) => [tag, namedImage(tag)])),
  };
  const wishes = {
    includeModules: ["console@^1.40", "code"],
    includeImages: ["registry.test/web@^1", "registry.test/web@~1.1", "registry.test/web:v1.0.0"],
  };

  test("asks for nothing twice, and opens each repository once", async () => {
    const source = memorySource(CATALOGUE);
    const opened: string[] = [];
    const openSource: MemorySource["openSource"] = (reference) => {
      opened.push(formatReference(reference));
      return source.openSource(reference);
    };
    await resolve({ ...source, openSource }, wishes);
    const requests = source.requests.filter((request) => !request.startsWith("blob"));
    expect(requests.toSorted()).toEqual([...new Set(requests)].sort());
    expect(opened.toSorted()).toEqual([...new Set(opened)].sort());
    const images = requests.filter(
      (request) => request.endsWith(" web") || request.includes(" web:"),
    );
    expect(images.toSorted()).toEqual(["get web:v1.0.0", "get web:v1.1.0", "tags web"]);
  });

  test("reads one release image once, however many channels carry it", async () => {
    const source = memorySource(CATALOGUE);
    await resolve(source, { includeModules: ["code"] });
    const blobs = source.requests.filter((request) => request === "blob acme/modules/code/release");
    expect(blobs).toHaveLength(1);
  });

  test.each([1, 3])("never has more than %d requests at once", async (concurrency) => {
    let running = 0;
    let most = 0;
    const source = memorySource(CATALOGUE, {
      onRequest: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
      },
    });
    await resolve(source, wishes, { concurrency });
    expect(most).toBe(concurrency);
  });

  test("gives the same answer in whatever order the registry answers", async () => {
    const outcomes = await Promise.all(
      [0, 1, 2].map(async (seed) => {
        let count = 0;
        const source = memorySource(CATALOGUE, {
          onRequest: async (request) => {
            count += 1;
            for (let turn = (request.length * count * (seed + 1)) % 7; turn > 0; turn -= 1) {
              await new Promise(setImmediate);
            }
          },
        });
        return JSON.stringify((await resolve(source, wishes)).roots);
      }),
    );
    expect(new Set(outcomes).size).toBe(1);
  });

  test("reports what it asks for", async () => {
    const { selection } = parseSelection({ includeImages: ["registry.test/web@^1"] });
    const asked: string[] = [];
    await resolveSelection(selection, {
      openSource: memorySource(CATALOGUE).openSource,
      onResolving: (reference) => asked.push(reference),
    });
    expect(asked).toEqual([
      "registry.test/web",
      "registry.test/web:v1.0.0",
      "registry.test/web:v1.1.0",
    ]);
  });
});
