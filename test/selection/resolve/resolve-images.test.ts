import { describe, expect, test } from "vitest";
import { memorySource, NotFoundError, namedImage } from "../../support/memory-source.ts";
import { failureOf, resolve, tagsIn, tagsOf } from "../support/resolve-modules.ts";

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
