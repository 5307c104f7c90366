import { describe, expect, test } from "vitest";
import { toWishes } from "../../../src/cli/options/selection.ts";

const NOTHING = {
  includeModules: [],
  excludeModules: [],
  includePackages: [],
  excludePackages: [],
  excludeRepositories: [],
  excludeTags: [],
  includeRepositories: [],
  includePlugins: [],
  includeImages: [],
  includeCharts: [],
  includeFiles: [],
  noPlatform: false,
  noInstaller: false,
  noSecurityDb: false,
  noModules: false,
  noPackages: false,
  noPackageVersions: false,
  noPlugins: false,
  onlyExtraImages: false,
  skipVexImages: false,
  noReferrers: false,
  referrerTypes: [],
  ignoreSuspend: false,
  proxyRegistry: false,
  platforms: [],
  skipMissingAttestations: false,
  skipForeignLayers: false,
  latestPatch: false,
};

describe("toWishes()", () => {
  test("wishes for nothing by itself", () => {
    expect(toWishes({})).toEqual(NOTHING);
  });

  test("hands over every flag as text", () => {
    const flags = {
      source: "registry.example.com/acme",
      "since-version": "1.68.0",
      "platform-tag": "stable",
      "include-platform": "~1.69",
      "installer-tag": "v1",
      "include-module": ["foo@>=1.1.0 <1.3.0"],
      "exclude-module": ["bar"],
      "modules-path-suffix": "/",
      "include-package": ["one@^1"],
      "exclude-package": ["two"],
      "include-plugin": ["three"],
      "include-chart": ["https://repo.example/charts#nginx@^1.2"],
      "chart-images": "guess",
      "include-file": ["./setup.iso:tools/setup:1.0"],
      platform: ["linux/amd64"],
      "referrer-type": ["application/spdx+json"],
      "latest-patch": true,
    };
    expect(toWishes(flags)).toEqual({
      ...NOTHING,
      source: "registry.example.com/acme",
      sinceVersion: "1.68.0",
      platformTag: "stable",
      includePlatform: "~1.69",
      installerTag: "v1",
      includeModules: ["foo@>=1.1.0 <1.3.0"],
      excludeModules: ["bar"],
      modulesPathSuffix: "/",
      includePackages: ["one@^1"],
      excludePackages: ["two"],
      includePlugins: ["three"],
      includeCharts: ["https://repo.example/charts#nginx@^1.2"],
      chartImages: "guess",
      includeFiles: ["./setup.iso:tools/setup:1.0"],
      platforms: ["linux/amd64"],
      referrerTypes: ["application/spdx+json"],
      latestPatch: true,
    });
  });

  test.each([
    ["no-platform", "noPlatform"],
    ["no-installer", "noInstaller"],
    ["no-security-db", "noSecurityDb"],
    ["no-modules", "noModules"],
    ["no-packages", "noPackages"],
    ["no-package-versions", "noPackageVersions"],
    ["no-plugins", "noPlugins"],
    ["only-extra-images", "onlyExtraImages"],
    ["skip-vex-images", "skipVexImages"],
    ["no-referrers", "noReferrers"],
    ["ignore-suspend", "ignoreSuspend"],
    ["proxy-registry", "proxyRegistry"],
  ])("hands over --%s as %s", (flag, wish) => {
    expect(toWishes({ [flag]: true })).toEqual({ ...NOTHING, [wish]: true });
  });

  test("hands over how many tags are taken, how old they may be, and what is left out", () => {
    const flags = {
      latest: "3",
      "newer-than": "90d",
      "exclude-tag": ["*-rc*"],
      "include-repository": ["docker.io/*"],
      "exclude-repository": ["docker.io/x"],
    };
    expect(toWishes(flags)).toEqual({
      ...NOTHING,
      latest: 3,
      newerThan: "90d",
      excludeTags: ["*-rc*"],
      includeRepositories: ["docker.io/*"],
      excludeRepositories: ["docker.io/x"],
    });
    expect(() => toWishes({ latest: "0" })).toThrow("--latest");
  });

  test("puts listed images behind named ones", () => {
    expect(toWishes({ "include-image": ["web:v1"] }, ["db:v2"]).includeImages).toEqual([
      "web:v1",
      "db:v2",
    ]);
  });
});
