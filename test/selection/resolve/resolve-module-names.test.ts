import { describe, expect, test } from "vitest";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import { image } from "../../support/artifacts.ts";
import { memorySource, moduleRepositories, releaseImage } from "../../support/memory-source.ts";
import {
  FIVE,
  failureOf,
  type Outcome,
  resolve,
  tagsIn,
  tagsOf,
} from "../support/resolve-modules.ts";

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
