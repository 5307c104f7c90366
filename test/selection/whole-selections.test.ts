import { describe, expect, test } from "vitest";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import { image } from "../support/artifacts.ts";
import {
  DeniedError,
  type MemorySource,
  type ModuleOptions,
  memorySource,
  moduleRepositories,
} from "../support/memory-source.ts";
import { type Outcome, resolveEdition } from "./support/resolve.ts";

const FIVE = ["alpha", "beta", "early-access", "rock-solid", "stable"];

function allChannels(version: string): Record<string, string> {
  return Object.fromEntries(FIVE.map((channel) => [channel, version]));
}

const NOTHING_ELSE: ParseSelectionOptions = {
  source: "registry.test/acme",
  noPlatform: true,
  noInstaller: true,
  noSecurityDb: true,
  noPackageVersions: true,
  noPlugins: true,
};

/** Layout → tags, in the order of the layouts. */
function tagsOf({ roots }: Outcome): Record<string, string[]> {
  const tags: Record<string, string[]> = {};
  for (const root of roots) {
    tags[root.layout] = [...(tags[root.layout] ?? []), ...root.tags].sort();
  }
  return tags;
}

const PATCHES = Array.from({ length: 6 }, (_, patch) => `v1.6.${patch}`);

describe.each([
  {
    directory: "modules" as const,
    releases: "release",
    title: "Module",
    wishesFor: (includeModules: readonly string[]) => ({ includeModules, noPackages: true }),
  },
  {
    directory: "packages" as const,
    releases: "version",
    title: "Package",
    wishesFor: (includePackages: readonly string[]) => ({ includePackages, noModules: true }),
  },
])(
  "resolveSelection(): whole selections of $directory",
  ({ directory, releases, title, wishesFor }) => {
    const versionsOf = (name: string) => `${directory}/${name}`;
    const releasesOf = (name: string) => `${directory}/${name}/${releases}`;
    const member = (options: ModuleOptions) => moduleRepositories({ ...options, directory });
    const catalogue = {
      [`acme/${directory}`]: { console: image() },
      ...member({
        name: "console",
        versions: ["v1.39.0", "v1.40.0", "v1.40.1", "v1.41.0", "v1.42.0", "v1.43.0", "v1.45.2"],
        channels: allChannels("v1.45.2"),
      }),
    };

    async function resolve(
      source: Pick<MemorySource, "openSource">,
      entries: readonly string[],
      options: {
        readonly latestPatch?: boolean;
        readonly noReferrers?: boolean;
        readonly signal?: AbortSignal;
      } = {},
    ): Promise<Outcome> {
      const { signal, ...wishes } = options;
      const all = { ...NOTHING_ELSE, ...wishesFor(entries), ...wishes };
      const outcome = await resolveEdition(source, all, signal ? { signal } : {});
      // None of these versions has a list of images
      return {
        ...outcome,
        notices: outcome.notices.filter((code) => code !== "IMAGE_LIST_MISSING"),
      };
    }

    test.each([
      [
        "E1",
        "console@1.40.0",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
        "v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
      ],
      [
        "E2",
        "console@^1.40.0",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
        "v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
      ],
      ["E3", "console@~1.40.0", "v1.40.0 v1.40.1 v1.45.2", "v1.40.1 v1.45.2"],
      [
        "E4",
        "console@>=1.40.0 <1.43.0",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.45.2",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.45.2",
      ],
      [
        "E5",
        "console@>=1.40.0",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
        "v1.40.0 v1.40.1 v1.41.0 v1.42.0 v1.43.0 v1.45.2",
      ],
    ])("%s: %s takes every match and the channels", async (_, entry, every, latest) => {
      const expected = (versions: readonly string[]) => ({
        [versionsOf("console")]: versions,
        [releasesOf("console")]: [...FIVE, ...versions].sort(),
      });
      const source = memorySource(catalogue);
      expect(tagsOf(await resolve(source, [entry]))).toEqual(expected(every.split(" ")));
      const latestPatch = await resolve(source, [entry], { latestPatch: true });
      expect(tagsOf(latestPatch)).toEqual(expected(latest.split(" ")));
    });

    test("E6: a range of one name and an exact tag of another", async () => {
      const source = memorySource({
        ...member({
          name: "console",
          versions: ["v1.40.0", "v1.40.1", "v1.41.0", "v1.45.2"],
          channels: allChannels("v1.40.1"),
        }),
        ...member({ name: "commander", versions: ["v0.5.0", "v0.5.1", "v0.6.0"] }),
      });
      const entries = ["console@~1.40.0", "commander@=v0.6.0"];
      expect(tagsOf(await resolve(source, entries))).toEqual({
        [versionsOf("console")]: ["v1.40.0", "v1.40.1"],
        [releasesOf("console")]: [...FIVE, "v1.40.0", "v1.40.1"].sort(),
        [versionsOf("commander")]: ["v0.6.0"],
        [releasesOf("commander")]: [...FIVE, "v0.6.0"].sort(),
      });
      const latestPatch = await resolve(source, entries, { latestPatch: true });
      expect(tagsOf(latestPatch)[versionsOf("console")]).toEqual(["v1.40.1"]);
    });

    test("E7: a bare version with v", async () => {
      const versions = [...PATCHES, "v1.7.0", "v1.7.1"];
      const source = memorySource(
        member({ name: "code", versions, channels: allChannels("v1.6.5") }),
      );
      expect(tagsOf(await resolve(source, ["code@v1.6.0"]))[versionsOf("code")]).toEqual(versions);
      const latest = await resolve(source, ["code@v1.6.0"], { latestPatch: true });
      expect(tagsOf(latest)[versionsOf("code")]).toEqual(["v1.6.5", "v1.7.1"]);
    });

    test("E8: a name alone takes what the channels point at and lists no versions", async () => {
      const versions = ["v0.1.1", "v0.2.9", "v0.3.11", "v0.3.13"];
      const channels = allChannels("v0.3.13");
      const source = memorySource(member({ name: "csi-huawei", versions, channels }));
      expect(tagsOf(await resolve(source, ["csi-huawei"]))).toEqual({
        [versionsOf("csi-huawei")]: ["v0.3.13"],
        [releasesOf("csi-huawei")]: [...FIVE, "v0.3.13"].sort(),
      });
      expect(source.requests).not.toContain(`tags acme/${versionsOf("csi-huawei")}`);
    });

    test.each([
      ["an exact tag", "console@=v1.40.0", 0],
      ["a name alone", "console", 0],
      ["a range", "console@^1.40.0", 1],
    ])("E9: %s costs this many tag lists: %s, %d", async (_, entry, count) => {
      const source = memorySource(catalogue);
      await resolve(source, [entry], { noReferrers: true });
      expect(source.requests.filter((request) => request.startsWith("tags"))).toHaveLength(count);
    });

    test("is asked for the channels that it has: a list says which, as it is needed anyway", async () => {
      const one = member({ name: "one", versions: ["v1.0.0"], channels: { stable: "v1.0.0" } });
      const source = memorySource(one);
      await resolve(source, ["one"]);
      const [versions, releases] = [`acme/${versionsOf("one")}`, `acme/${releasesOf("one")}`];
      const asked = source.requests.filter((request) => !request.startsWith("blob"));
      expect(asked.toSorted()).toEqual([
        `get ${releases}:stable`,
        `get ${releases}:v1.0.0`,
        `get ${versions}:v1.0.0`,
        `tags ${releases}`,
      ]);
    });

    test("without releases costs no request for a channel", async () => {
      const bare = member({ name: "bare", versions: ["v1.0.0"], channels: {} });
      const source = memorySource(
        Object.fromEntries(Object.entries(bare).filter(([name]) => !name.includes("/bare/"))),
      );
      await resolve(source, ["bare@=v1.0.0", "bare@^1"]);
      expect(source.requests.filter((request) => /:(?:stable|alpha|lts)$/.test(request))).toEqual(
        [],
      );
    });

    test("whose lists are refused is asked for each channel", async () => {
      const source = memorySource(catalogue);
      const openSource: MemorySource["openSource"] = (reference) => ({
        ...source.openSource(reference),
        async *listTags() {
          yield await Promise.reject(new DeniedError("listing is refused"));
        },
      });
      const outcome = await resolve({ openSource }, ["console"]);
      expect(tagsOf(outcome)[versionsOf("console")]).toEqual(["v1.45.2"]);
    });

    test("E10: a missing tag list leaves the versions of the channels, with a notice", async () => {
      const source = memorySource(catalogue);
      const openSource: MemorySource["openSource"] = (reference) => ({
        ...source.openSource(reference),
        listTags: () => memorySource({}).openSource(reference).listTags(),
      });
      const outcome = await resolve({ openSource }, ["console@^1.40"]);
      expect(tagsOf(outcome)[versionsOf("console")]).toEqual(["v1.45.2"]);
      expect(outcome.notices).toEqual(["TAG_LIST_MISSING"]);
    });

    test.each([
      `tags acme/${versionsOf("console")}`,
      `get acme/${releasesOf("console")}:alpha`,
      `get acme/${releasesOf("console")}:v1.41.0`,
      `get acme/${versionsOf("console")}:v1.41.0`,
      `blob acme/${versionsOf("console")}`,
      `tags acme/${directory}`,
    ])("E11: any failure but absence ends the run: %s", async (request) => {
      const failure = new DeniedError("no");
      const source = memorySource(catalogue, { failures: { [request]: failure } });
      const entries = request === `tags acme/${directory}` ? [] : ["console@^1.40"];
      const ended = await resolve(source, entries).catch((error: Error) => error);
      expect([ended, (ended as Error).cause]).toContain(failure);
    });

    test("E12: a name of the catalogue without images is skipped with a notice", async () => {
      const catalog = { console: image({ name: "a" }), "empty-mod": image({ name: "b" }) };
      const source = memorySource({ ...catalogue, [`acme/${directory}`]: catalog });
      const outcome = await resolve(source, []);
      expect(Object.keys(tagsOf(outcome))).toEqual([versionsOf("console"), releasesOf("console")]);
      const message = `${title} "empty-mod" is skipped: it has no release channels`;
      expect(outcome.messages).toContain(message);
      expect(outcome.notices).toEqual(["MODULE_EMPTY"]);
    });

    test("E13: ends with the reason of the signal", async () => {
      const controller = new AbortController();
      const reason = new DOMException("stop", "AbortError");
      const source = memorySource(catalogue, {
        onRequest: (request) => {
          if (request.includes(`${versionsOf("console")}:`)) controller.abort(reason);
        },
      });
      const { signal } = controller;
      await expect(resolve(source, ["console"], { signal })).rejects.toBe(reason);
    });

    test("E14: the lts channel is taken where the source has it", async () => {
      const source = memorySource(
        member({
          name: "console",
          versions: ["v1.0.0", "v1.1.0"],
          channels: { stable: "v1.1.0", lts: "v1.0.0" },
        }),
      );
      expect(tagsOf(await resolve(source, ["console"]))).toEqual({
        [versionsOf("console")]: ["v1.0.0", "v1.1.0"],
        [releasesOf("console")]: ["lts", "stable", "v1.0.0", "v1.1.0"],
      });
    });
  },
);
