import { describe, expect, test } from "vitest";
import { hasVersion, isPartOfRelease, placeOfVersion } from "../../src/product/closure.ts";
import { holdsReleases, memberOf, missingPrefix, placeModules } from "../../src/product/layouts.ts";

describe("holdsReleases()", () => {
  test.each([
    ["release-channel", true],
    ["modules/foo/release", true],
    ["foo/release", true],
    ["packages/foo/version", true],
    ["packages/foo/extra/version", false],
    ["modules/foo/version", false],
    ["modules/foo", false],
    ["install", false],
    ["", false],
  ])("%j: %s", (repository, expected) => {
    expect(holdsReleases(repository)).toBe(expected);
  });
});

describe("memberOf()", () => {
  test.each([
    ["modules/foo/release", { catalog: "modules", name: "foo" }],
    ["packages/foo", { catalog: "packages", name: "foo" }],
    ["deckhouse-cli/plugins/foo", { catalog: "deckhouse-cli/plugins", name: "foo" }],
    ["modules", undefined],
    ["install", undefined],
  ])("of %s is %j", (repository, member) => {
    expect(memberOf(repository)).toEqual(member);
  });
});

test.each([
  ["modules/foo/extra/x", "mods", "mods/foo/extra/x"],
  ["modules/foo", "", "foo"],
  ["modules", "mods", "modules"],
  ["packages/foo", "mods", "packages/foo"],
])("placeModules() puts %s, with modules at %j, to %s", (repository, path, placed) => {
  expect(placeModules(repository, path)).toBe(placed);
});

test.each([
  ["security", "security"],
  ["module-foo", "modules/foo"],
  ["platform", undefined],
])("missingPrefix() of %s is %s", (name, prefix) => {
  expect(missingPrefix(name)).toBe(prefix);
});

describe("a release channel", () => {
  test.each([
    ["modules/foo/release", "v1.0.0", "modules/foo", "v1.0.0", true],
    ["modules/foo/release", "v1.0.0", "modules/foo", "1.0.0", true],
    ["modules/foo/release", "v1.0.0", "modules/bar", "v1.0.0", false],
    ["release-channel", "v1.70.3", "", "v1.70.3", true],
    ["release-channel", "v1.70.3", "install", "v1.70.3", false],
  ])("of %s for %s has its version in %j at %s: %s", (releases, version, repository, tag, has) => {
    expect(hasVersion([{ repository, tags: [tag] }], placeOfVersion(releases, version))).toBe(has);
  });

  test.each([
    ["modules/foo", "modules/foo/release", true],
    ["modules/foo/extra/x", "modules/foo/release", true],
    ["modules/foobar", "modules/foo/release", false],
    ["", "release-channel", true],
    ["install", "release-channel", true],
    ["install-standalone", "release-channel", false],
  ])("needs %j below %s: %s", (repository, releases, isPart) => {
    expect(isPartOfRelease(repository, releases)).toBe(isPart);
  });
});
