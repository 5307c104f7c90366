import { describe, expect, test } from "vitest";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";

const source = "registry.test/acme";

function modulesOf(options: ParseSelectionOptions) {
  return parseSelection({ source, ...options }).selection.modules;
}

function codesOf(options: ParseSelectionOptions): string[] {
  return parseSelection(options).notices.map(({ code }) => code);
}

describe("parseSelection()", () => {
  test("P1: takes everything of a source when nothing is named", () => {
    expect(parseSelection({ source })).toEqual({
      selection: {
        source: { registry: "registry.test", repository: "acme" },
        platform: { enabled: true, releases: { kind: "channels" }, ignoreSuspend: false },
        installer: { enabled: true },
        security: { enabled: true },
        modules: {
          enabled: true,
          include: [],
          exclude: [],
          pathSuffix: "modules",
          onlyExtraImages: false,
        },
        packages: {
          enabled: true,
          include: [],
          exclude: [],
          onlyExtraImages: false,
          versions: true,
        },
        plugins: { automatic: true, include: [] },
        images: [],
        tags: { excludeTags: [] },
        repositories: { include: [], exclude: [] },
        platforms: [],
        skipMissingAttestations: false,
        skipForeignLayers: false,
        latestPatch: false,
        vex: true,
        skipReferrers: false,
        referrerTypes: [],
        proxyRegistry: false,
      },
      notices: [],
    });
  });

  test("P4: takes several modules, sorted by name", () => {
    const { include } = modulesOf({ includeModules: ["module2@2.3.4", "module1@1.2.3"] });
    expect(include).toEqual([
      { name: "module1", filter: { kind: "range", range: "^1.2.3" } },
      { name: "module2", filter: { kind: "range", range: "^2.3.4" } },
    ]);
  });

  test.each<[string, string[], unknown]>([
    [
      "P6, D5: ors two ranges",
      ["m@2.3.4", "m@1.2.3"],
      { kind: "range", range: "^1.2.3 || ^2.3.4" },
    ],
    [
      "V16: drops a bare entry beside a pin",
      ["m", "m@=v1.2.3"],
      { kind: "exact", pins: [{ tag: "v1.2.3", channel: "all" }] },
    ],
    [
      "V17: in both orders",
      ["m@=v1.2.3", "m"],
      { kind: "exact", pins: [{ tag: "v1.2.3", channel: "all" }] },
    ],
    ["V18: keeps two bare entries bare", ["m", "m"], { kind: "default" }],
    ["drops a bare entry beside a range", ["m", "m@^1"], { kind: "range", range: "^1" }],
    [
      "keeps pins beside a range",
      ["m@=b", "m@^1", "m@=a"],
      {
        kind: "range",
        range: "^1",
        pins: [
          { tag: "a", channel: "all" },
          { tag: "b", channel: "all" },
        ],
      },
    ],
    [
      "says everything once",
      ["m@=a", "m@=a", "m@=a+stable"],
      {
        kind: "exact",
        pins: [
          { tag: "a", channel: "all" },
          { tag: "a", channel: "stable" },
        ],
      },
    ],
  ])("%s", (_, includeModules, filter) => {
    expect(modulesOf({ includeModules }).include).toEqual([{ name: "m", filter }]);
  });

  test("refuses two tags for one channel", () => {
    const includeModules = ["m@=v1.0.0+stable", "m@=v1.1.0+stable"];
    expect(() => parseSelection({ source, includeModules })).toThrow(
      expect.objectContaining({ code: "SELECTION_INVALID" }),
    );
  });

  test("gives equal wishes equal JSON", () => {
    const left = parseSelection({
      source: "https://Registry.test/acme/",
      includeModules: ["b@<2, >=1", "a@1.3.0", "a@=x"],
      includeImages: ["nginx@~1.25", "ghcr.io/acme/web:v2"],
      platforms: ["linux/arm64", "linux/amd64", "linux/aarch64"],
      modulesPathSuffix: "/modules/",
    });
    const right = parseSelection({
      source,
      includeModules: ["a@=x", "a@^v1.3.0", "b@>=1 <2", "a"],
      includeImages: ["ghcr.io/acme/web:v2", "nginx@~1.25", "nginx@~1.25"],
      platforms: ["linux/amd64", "linux/arm64"],
    });
    expect(JSON.stringify(left.selection)).toBe(JSON.stringify(right.selection));
  });

  test("names an image once, however it is spelled", () => {
    const { images } = parseSelection({
      includeImages: ["nginx:latest", "docker.io/library/nginx", "nginx"],
    }).selection;
    expect(images.map(({ text }) => text)).toEqual(["docker.io/library/nginx"]);
  });

  test("reads modulesPathSuffix", () => {
    expect(modulesOf({ modulesPathSuffix: "/my/mods/" }).pathSuffix).toBe("my/mods");
    expect(modulesOf({ modulesPathSuffix: "" }).pathSuffix).toBe("modules");
  });

  test("M4-M6: excludes modules of the whole catalogue, or versions of them", () => {
    const { selection, notices } = parseSelection({
      source,
      excludeModules: ["b@^1.0", "a", "a", "b@=x", "a@^2"],
    });
    expect(selection.modules).toMatchObject({
      exclude: ["a"],
      excludeVersions: [
        {
          name: "b",
          filter: { kind: "range", range: "^1.0", pins: [{ tag: "x", channel: "all" }] },
        },
      ],
    });
    expect(notices).toEqual([]);
  });

  test("excludes versions of what is included", () => {
    const options = { source, includeModules: ["a"], excludeModules: ["a@^1", "b@^1"] };
    expect(parseSelection(options).selection.modules).toMatchObject({
      include: [{ name: "a" }],
      exclude: [],
      excludeVersions: [{ name: "a" }],
    });
    expect(codesOf(options)).toEqual(["EXCLUDE_IGNORED"]);
  });

  test("refuses a release channel behind what is excluded", () => {
    expect(() => parseSelection({ source, excludeModules: ["a@=v1.0.0+stable"] })).toThrow(
      /`excludeModules` "a@=v1\.0\.0\+stable": versions are excluded, not their release channels/,
    );
  });

  test("D4: include wins over exclude, with a notice", () => {
    const options = { source, includeModules: ["a"], excludeModules: ["a", "b"] };
    expect(parseSelection(options).selection.modules).toMatchObject({
      include: [{ name: "a" }],
      exclude: [],
    });
    expect(codesOf(options)).toEqual(["EXCLUDE_IGNORED", "EXCLUDE_IGNORED"]);
    expect(parseSelection(options).notices[0]?.message).toBe(
      '`excludeModules` "a" has no effect: `includeModules` names it',
    );
  });

  test("D10: include wins over noModules, with a notice", () => {
    const options = { source, includeModules: ["a"], noModules: true };
    expect(modulesOf(options).enabled).toBe(true);
    expect(codesOf(options)).toEqual(["NO_MODULES_IGNORED"]);
  });

  test("onlyExtraImages wins over noModules, with a notice", () => {
    const options = { source, onlyExtraImages: true, noModules: true };
    expect(modulesOf(options)).toMatchObject({ enabled: true, onlyExtraImages: true });
    expect(codesOf(options)).toEqual(["NO_MODULES_IGNORED"]);
  });

  test("noModules switches modules off", () => {
    const { selection, notices } = parseSelection({
      source,
      noModules: true,
      includeImages: ["nginx"],
    });
    expect(selection.modules.enabled).toBe(false);
    expect(notices).toEqual([]);
  });

  test("takes images without a source", () => {
    const { selection } = parseSelection({ includeImages: ["nginx"] });
    expect(selection.modules.enabled).toBe(false);
    expect(selection).not.toHaveProperty("source");
  });

  test.each<[string, ParseSelectionOptions]>([
    ["a module", { includeModules: ["foo"] }],
    ["extra images", { onlyExtraImages: true }],
    ["anything at all", {}],
  ])("asks for a source when %s is wanted without one", (_, options) => {
    expect(() => parseSelection(options)).toThrow(
      expect.objectContaining({
        code: "SELECTION_INVALID",
        hint: expect.stringMatching(/`source`/),
      }),
    );
  });

  test.each(["", "registry.test", "localhost:5000/", "/deckhouse/ee"])(
    "refuses source %j",
    (text) => {
      expect(() => parseSelection({ source: text })).toThrow(
        expect.objectContaining({ code: "REFERENCE_INVALID" }),
      );
    },
  );

  test.each<[string, ParseSelectionOptions, unknown]>([
    ["--platform-tag", { platformTag: "stable" }, { kind: "tag", tag: "stable", channel: "all" }],
    [
      "P12: a range",
      { includePlatform: ">=1.64 <=1.68" },
      { kind: "range", range: ">=1.64 <=1.68" },
    ],
    ["P12: a bare version", { includePlatform: "1.65.0" }, { kind: "range", range: "^1.65.0" }],
    [
      "P12: a pin",
      { includePlatform: "=v1.65.3" },
      { kind: "tag", tag: "v1.65.3", channel: "all" },
    ],
    [
      "P12: a pin with a channel",
      { includePlatform: "=v1.65.3+stable" },
      { kind: "tag", tag: "v1.65.3", channel: "stable" },
    ],
    ...["1.50.0", "v1.50", "1.50.0+build.1"].map(
      (sinceVersion): [string, ParseSelectionOptions, unknown] => [
        `\`sinceVersion\` ${sinceVersion}`,
        { sinceVersion },
        { kind: "channels", since: "1.50.0" },
      ],
    ),
  ])("reads %s", (_, options, releases) => {
    expect(parseSelection({ source, ...options }).selection.platform).toMatchObject({
      enabled: true,
      releases,
    });
  });

  test.each<[string, ParseSelectionOptions, RegExp]>([
    ["P10", { includePlatform: "./bundle" }, /looks like a path/],
    ["P11", { includePlatform: "1.64." }, /`includePlatform` "1\.64\."/],
    ["an empty constraint", { includePlatform: "" }, /constraint is empty/],
    ["a since that is no version", { sinceVersion: "invalid" }, /`sinceVersion` "invalid"/],
    ["a since with a tail", { sinceVersion: "1.50.0abc" }, /is not a version/],
    ["two ways", { platformTag: "v1", sinceVersion: "1.5" }, /`platformTag` and `sinceVersion`/],
    [
      "two ways",
      { platformTag: "v1", includePlatform: "^1" },
      /`platformTag` and `includePlatform`/,
    ],
    [
      "two ways",
      { sinceVersion: "1", includePlatform: "^1" },
      /`sinceVersion` and `includePlatform`/,
    ],
    ["a bad installer tag", { installerTag: "a b" }, /`installerTag`/],
    ["P8", { includePackages: ["p@"] }, /`includePackages` "p@"/],
    ["P8", { excludePackages: ["p@"] }, /`excludePackages` "p@"/],
    ["P8", { includePlugins: ["p@"] }, /`includePlugins` "p@"/],
    [
      "plugins",
      { onlyExtraImages: true, includePlugins: ["p"] },
      /`onlyExtraImages` and `includePlugins`/,
    ],
    ["proxy", { proxyRegistry: true }, /releases of the platform cannot be listed/],
    ["proxy", { proxyRegistry: true, platformTag: "v1" }, /with `platformTag`/],
    ["proxy", { proxyRegistry: true, sinceVersion: "1.1" }, /with `sinceVersion`/],
    ["proxy", { proxyRegistry: true, noPlatform: true }, /modules cannot be listed/],
    ["proxy", { proxyRegistry: true, noPlatform: true, includeModules: ["a"] }, /module "a"/],
    [
      "proxy",
      { proxyRegistry: true, noPlatform: true, noModules: true, includePlugins: ["p@^1"] },
      /plugin "p"/,
    ],
    [
      "nothing",
      {
        noPlatform: true,
        noInstaller: true,
        noSecurityDb: true,
        noModules: true,
        noPackages: true,
        noPackageVersions: true,
      },
      /it contains nothing/,
    ],
  ])("refuses %s: %j", (_, options, message) => {
    expect(() => parseSelection({ source, ...options })).toThrow(
      expect.objectContaining({
        code: "SELECTION_INVALID",
        message: expect.stringMatching(message),
      }),
    );
  });

  test.each<[string, ParseSelectionOptions]>([
    ["PLATFORM_OPTION_IGNORED", { noPlatform: true, platformTag: "v1" }],
    ["INSTALLER_TAG_IGNORED", { noInstaller: true, installerTag: "v1" }],
    ["NO_PACKAGES_IGNORED", { noPackages: true, includePackages: ["p"] }],
    ["VEX_SKIPPED", { skipVexImages: true }],
  ])("says %s", (code, options) => {
    expect(codesOf({ source, ...options })).toEqual([code]);
  });

  test.each<[ParseSelectionOptions, readonly RegExp[]]>([
    [{}, [/tell: packages \(use .*\), release images of packages .*, plugins that/]],
    [{ includePackages: ["p@^1"] }, [/tell: release images of packages .*, plugins that/]],
    [{ noPackages: true, noPackageVersions: true }, [/tell: plugins that modules need/]],
    [{ noPackages: true, noPackageVersions: true, noPlugins: true }, []],
  ])("says what --proxy-registry cannot find with %j", (wishes, messages) => {
    const options = { noPlatform: true, noModules: true, proxyRegistry: true, ...wishes };
    const { notices } = parseSelection({ source, ...options });
    expect(notices).toEqual(
      messages.map((message) => ({
        code: "PROXY_UNLISTED",
        message: expect.stringMatching(message),
      })),
    );
  });

  test("onlyExtraImages is about modules, packages and their plugins, and nothing else", () => {
    const { selection } = parseSelection({ source, onlyExtraImages: true });
    expect(selection).toMatchObject({
      platform: { enabled: true },
      installer: { enabled: true },
      security: { enabled: true },
      modules: { enabled: true, onlyExtraImages: true },
      packages: { enabled: true, onlyExtraImages: true, versions: true },
      plugins: { automatic: false },
    });
  });
});
