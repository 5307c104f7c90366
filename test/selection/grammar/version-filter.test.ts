import { describe, expect, test } from "vitest";
import type { VersionFilter } from "../../../src/selection/grammar/selection.ts";
import { mergeFilters, parseModuleSelector } from "../../../src/selection/grammar/selector.ts";
import { selectTags, sortTags } from "../../../src/selection/grammar/version-filter.ts";

const CHANNEL_TAGS = ["alpha", "beta", "early-access", "stable", "rock-solid"];

/** `v1.6.0..5` is v1.6.0 to v1.6.5. */
function tags(text: string): string[] {
  return text.split(" ").flatMap((tag) => {
    const [, prefix, first, last] = /^(.*\.)(\d+)\.\.(\d+)$/.exec(tag) ?? [];
    if (prefix === undefined) return [tag];
    const count = Number(last) - Number(first) + 1;
    return Array.from({ length: count }, (_, index) => `${prefix}${Number(first) + index}`);
  });
}

function filterOf(...constraints: string[]): VersionFilter {
  return constraints
    .map((constraint) => parseModuleSelector(`m${constraint}`).filter)
    .reduce(mergeFilters);
}

interface Case {
  readonly id: string;
  readonly constraints: readonly string[];
  readonly registry: string;
  readonly all: string;
  readonly latestPatch: string;
}

const CASES: readonly Case[] = [
  {
    id: "V1",
    constraints: ["@^1.3.0"],
    registry: "v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.1",
    all: "v1.3.0 v1.4.1",
    latestPatch: "v1.3.0 v1.4.1",
  },
  {
    id: "V2",
    constraints: ["@^1.3.0"],
    registry: "v1.0.0 v1.1.0 v1.2.0 v1.3.0..3 v1.4.0 v1.4.1",
    all: "v1.3.0..3 v1.4.0 v1.4.1",
    latestPatch: "v1.3.3 v1.4.1",
  },
  {
    id: "V3",
    constraints: ["@~1.3.0"],
    registry: "v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.3.3 v1.4.1",
    all: "v1.3.0 v1.3.3",
    latestPatch: "v1.3.3",
  },
  {
    id: "V4",
    constraints: ["@>=1.1.0 <1.3.0"],
    registry: "v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.1",
    all: "v1.1.0 v1.2.0",
    latestPatch: "v1.1.0 v1.2.0",
  },
  {
    id: "V5",
    constraints: ["@>=1.6.0 <1.8.0"],
    registry: "v1.6.0..5 v1.7.0 v1.7.1 v1.8.0",
    all: "v1.6.0..5 v1.7.0 v1.7.1",
    latestPatch: "v1.6.0 v1.6.5 v1.7.1",
  },
  {
    id: "V6",
    constraints: ["@>=1.40.0"],
    registry: "v1.39.5 v1.40.0 v1.40.1 v1.41.0 v1.41.2",
    all: "v1.40.0 v1.40.1 v1.41.0 v1.41.2",
    latestPatch: "v1.40.0 v1.40.1 v1.41.2",
  },
  {
    id: "V7",
    constraints: ["@>=1.40.0 <=1.42.5"],
    registry: "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.42.5 v1.42.7",
    all: "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.42.5",
    latestPatch: "v1.40.0 v1.40.1 v1.41.0 v1.42.5",
  },
  {
    id: "V8",
    constraints: ["@>1.40.0 <1.42.0"],
    registry: "v1.40.0 v1.40.1 v1.41.0 v1.41.3",
    all: "v1.40.1 v1.41.0 v1.41.3",
    latestPatch: "v1.40.1 v1.41.3",
  },
  {
    id: "V9",
    constraints: ["@^1.6.0"],
    registry: "v1.6.0..5 v1.7.0 v1.7.1",
    all: "v1.6.0..5 v1.7.0 v1.7.1",
    latestPatch: "v1.6.5 v1.7.1",
  },
  {
    id: "V10",
    constraints: ["@>=1.40.0"],
    registry: "v1.40.1 v1.40.2 v1.41.0",
    all: "v1.40.1 v1.40.2 v1.41.0",
    latestPatch: "v1.40.2 v1.41.0",
  },
  {
    id: "V11",
    constraints: ["@=v1.3.0"],
    registry: "v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.4.1",
    all: "v1.3.0",
    latestPatch: "v1.3.0",
  },
  {
    id: "V12",
    constraints: ["@=v0.0.2", "@=v0.0.3", "@=v0.0.8"],
    registry: "v0.0.1..8",
    all: "v0.0.2 v0.0.3 v0.0.8",
    latestPatch: "v0.0.2 v0.0.3 v0.0.8",
  },
  {
    id: "V13 (D2: bare = caret, which keeps the minor of 0.x)",
    constraints: ["@0.4.0"],
    registry: "v0.4.2 v0.4.4 v0.5.1 v0.5.3 v0.6.1 v0.7.2",
    all: "v0.4.2 v0.4.4",
    latestPatch: "v0.4.4",
  },
  {
    id: "V14",
    constraints: ["@1.52.0"],
    registry: "v1.52.0 v1.53.1 v1.53.2 v1.54.1 v1.55.1 v2.0.0",
    all: "v1.52.0 v1.53.1 v1.53.2 v1.54.1 v1.55.1",
    latestPatch: "v1.52.0 v1.53.2 v1.54.1 v1.55.1",
  },
  {
    id: "V15",
    constraints: [""],
    registry: "v0.1.1 v0.2.9 v0.3.11 v0.3.13",
    all: "",
    latestPatch: "",
  },
  {
    id: "V16",
    constraints: ["", "@=v1.2.3"],
    registry: "v0.1.1 v0.2.9 v1.2.3 v1.2.4 v1.3.0",
    all: "v1.2.3",
    latestPatch: "v1.2.3",
  },
  {
    id: "V17",
    constraints: ["@=v1.2.3", ""],
    registry: "v0.1.1 v0.2.9 v1.2.3 v1.2.4 v1.3.0",
    all: "v1.2.3",
    latestPatch: "v1.2.3",
  },
  {
    id: "V18",
    constraints: ["", ""],
    registry: "v0.1.1 v0.2.9 v1.2.3 v1.2.4 v1.3.0",
    all: "",
    latestPatch: "",
  },
  {
    id: "V19",
    constraints: ["@*"],
    registry: "v1.0.0 v1.1.0 v1.2.3 notasemver",
    all: "v1.0.0 v1.1.0 v1.2.3",
    latestPatch: "v1.0.0 v1.1.0 v1.2.3",
  },
  {
    id: "D5: a range and an exact tag",
    constraints: ["@~1.1.0", "@=bobV1"],
    registry: "v1.0.0 v1.1.0 v1.1.1 bobV1",
    all: "v1.1.0 v1.1.1 bobV1",
    latestPatch: "v1.1.1 bobV1",
  },
];

function split(text: string): string[] {
  return text === "" ? [] : tags(text);
}

describe("selectTags()", () => {
  test.each(CASES)("$id: $constraints of $registry", ({ constraints, registry, all }) => {
    const given = [...CHANNEL_TAGS, ...tags(registry)].reverse();
    expect(selectTags(given, filterOf(...constraints))).toEqual(split(all));
  });

  test.each(CASES)(
    "$id with latestPatch: $constraints",
    ({ constraints, registry, latestPatch }) => {
      const given = [...CHANNEL_TAGS, ...tags(registry)].reverse();
      expect(selectTags(given, filterOf(...constraints), { latestPatch: true })).toEqual(
        split(latestPatch),
      );
    },
  );

  test.each<[string, string, string]>([
    ["foo@^1.3.0", "@^1.3.0", "v1.3.0 v1.3.3 v1.4.1"],
    ["foo@1.3.0", "@1.3.0", "v1.3.0 v1.3.3 v1.4.1"],
    ["foo@~1.3.0", "@~1.3.0", "v1.3.0 v1.3.3"],
    ['foo@">=1.1.0 <1.3.0"', "@>=1.1.0 <1.3.0", "v1.1.0 v1.2.0"],
    ["foo@=v1.3.0", "@=v1.3.0", "v1.3.0"],
    ["foo@=bobV1", "@=bobV1", "bobV1"],
    ["foo@=v1.3.0+stable", "@=v1.3.0+stable", "v1.3.0"],
  ])("product table: %s", (_, constraint, expected) => {
    const given = tags("v1.0.0 v1.1.0 v1.2.0 v1.3.0 v1.3.3 v1.4.1 bobV1");
    expect(selectTags(given, filterOf(constraint))).toEqual(tags(expected));
  });

  test("keeps the spelling of the registry, and both of two tags for one version", () => {
    const given = ["v1.3.0", "1.3", "1.2.0", "v1.4"];
    expect(selectTags(given, filterOf("@^1.3"))).toEqual(["1.3", "v1.3.0", "v1.4"]);
    expect(selectTags(given, filterOf("@^1.3"), { latestPatch: true })).toEqual([
      "1.3",
      "v1.3.0",
      "v1.4",
    ]);
  });

  test("takes numbers and dates by exact name only", () => {
    expect(selectTags(["2", "20240101", "1.0.0"], filterOf("@>=1.0.0"))).toEqual(["1.0.0"]);
    expect(selectTags(["2", "20240101", "1.0.0"], filterOf("@=20240101"))).toEqual(["20240101"]);
  });

  test("leaves pre-releases and suffixed variants out of plain ranges", () => {
    const given = ["1.25.3", "1.25.3-alpine", "1.26.0-rc.1"];
    expect(selectTags(given, filterOf("@^1.25"))).toEqual(["1.25.3"]);
    expect(selectTags(given, filterOf("@^1.25.0-0"))).toEqual([
      "1.25.3-alpine",
      "1.25.3",
      "1.26.0-rc.1",
    ]);
  });
});

describe("sortTags()", () => {
  test("orders by version, then the rest by name", () => {
    expect(sortTags(["v1.10.0", "latest", "v1.9.0", "beta"])).toEqual([
      "v1.9.0",
      "v1.10.0",
      "beta",
      "latest",
    ]);
  });
});
