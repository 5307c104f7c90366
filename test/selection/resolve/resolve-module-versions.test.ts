import { describe, expect, test } from "vitest";
import { image } from "../../support/artifacts.ts";
import {
  memorySource,
  moduleRepositories,
  namedImage,
  releaseImage,
} from "../../support/memory-source.ts";
import { FIVE, failureOf, resolve, tagsIn, tagsOf } from "../support/resolve-modules.ts";

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
