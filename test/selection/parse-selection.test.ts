import { describe, expect, test } from "vitest";
import { type ParseSelectionOptions, parseSelection } from "../../src/selection/parse-selection.ts";

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
        platforms: [],
        latestPatch: false,
        vex: true,
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

  test.each([
    [undefined, "modules"],
    ["", "modules"],
    ["/modules", "modules"],
    ["/", ""],
    ["/my/mods", "my/mods"],
  ])("reads modulesPathSuffix %j as %j", (modulesPathSuffix, pathSuffix) => {
    expect(modulesOf({ modulesPathSuffix }).pathSuffix).toBe(pathSuffix);
  });

  test("refuses a modulesPathSuffix that is no path", () => {
    expect(() => modulesOf({ modulesPathSuffix: "../MODS" })).toThrow(
      expect.objectContaining({ code: "SELECTION_INVALID" }),
    );
  });

  test("M4-M6: excludes modules of the whole catalogue only, whatever their constraint", () => {
    const { selection, notices } = parseSelection({
      source,
      excludeModules: ["b@^1.0", "a", "a"],
    });
    expect(selection.modules.exclude).toEqual(["a", "b"]);
    expect(notices.map(({ code }) => code)).toEqual(["exclude-constraint-ignored"]);
  });

  test("D4: include wins over exclude, with a notice", () => {
    const options = { source, includeModules: ["a"], excludeModules: ["a", "b"] };
    expect(parseSelection(options).selection.modules).toMatchObject({
      include: [{ name: "a" }],
      exclude: [],
    });
    expect(codesOf(options)).toEqual(["exclude-ignored", "exclude-ignored"]);
    expect(parseSelection(options).notices[0]?.message).toBe(
      '--exclude-module "a" has no effect: --include-module names it',
    );
  });

  test("D10: include wins over noModules, with a notice", () => {
    const options = { source, includeModules: ["a"], noModules: true };
    expect(modulesOf(options).enabled).toBe(true);
    expect(codesOf(options)).toEqual(["no-modules-ignored"]);
  });

  test("onlyExtraImages wins over noModules, with a notice", () => {
    const options = { source, onlyExtraImages: true, noModules: true };
    expect(modulesOf(options)).toMatchObject({ enabled: true, onlyExtraImages: true });
    expect(codesOf(options)).toEqual(["no-modules-ignored"]);
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
        hint: expect.stringMatching(/--source.*configuration file/),
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
});
