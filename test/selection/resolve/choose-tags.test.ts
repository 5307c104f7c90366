import { describe, expect, test } from "vitest";
import { parseSelection } from "../../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../../src/selection/grammar/selection-options.ts";
import type { Exclusion } from "../../../src/selection/resolve/exclusion.ts";
import { resolveSelection } from "../../../src/selection/resolve/resolve.ts";
import { image } from "../../support/artifacts.ts";
import {
  type MemorySource,
  memorySource,
  moduleRepositories,
} from "../../support/memory-source.ts";
import { openTempDirectory } from "../../support/temp-directory.ts";
import { MODULES_ONLY } from "../support/resolve-modules.ts";

const NOW = Date.parse("2026-06-30T00:00:00Z");

/** An image that was made so many days before. */
const aged = (days: number, name = `${days}`) =>
  image({ name, config: { created: new Date(NOW - days * 86_400_000).toISOString() } });

async function take(source: MemorySource, wishes: ParseSelectionOptions, tagsDirectory?: string) {
  const exclusions: Exclusion[] = [];
  const notices: string[] = [];
  const { selection } = parseSelection(wishes);
  const { roots } = await resolveSelection(selection, {
    openSource: source.openSource,
    tagsDirectory,
    now: () => NOW,
    onNotice: (code, message) => notices.push(`${code}: ${message}`),
  }).then((resolved) => {
    exclusions.push(...resolved.exclusions);
    return resolved;
  });
  const tags = roots.flatMap((root) => root.tags.map((tag) => `${root.origin.repository}:${tag}`));
  return { tags, exclusions, notices };
}

const images = (...includeImages: string[]) => ({ includeImages });
const WEB = "registry.test/acme/web";

function webOf(tags: Readonly<Record<string, number>>) {
  return memorySource({
    "acme/web": Object.fromEntries(
      Object.entries(tags).map(([tag, days]) => [tag, aged(days, tag)]),
    ),
  });
}

describe("a policy behind the name of an image", () => {
  const source = webOf({
    "1.2.0": 9,
    "1.2.5": 8,
    "1.3.0": 7,
    "2.0": 6,
    "27-alpine": 5,
    latest: 4,
    "sha256-abc": 1,
  });

  test.each([
    ["semver:~1.2", ["acme/web:1.2.0", "acme/web:1.2.5"]],
    ["glob:1.*", ["acme/web:1.2.0", "acme/web:1.2.5", "acme/web:1.3.0"]],
    ["regex:^\\d+-alpine$", ["acme/web:27-alpine"]],
    ["glob:latest", ["acme/web:latest"]],
  ])("%s takes what it says", async (policy, expected) => {
    expect((await take(source, images(`${WEB}@${policy}`))).tags.sort()).toEqual(expected);
  });

  test("is one of several for the same image, and takes what any of them takes", async () => {
    const { tags } = await take(
      source,
      images(`${WEB}@semver:~1.3`, `${WEB}@glob:2.*`, `${WEB}:latest`),
    );
    expect(tags.sort()).toEqual(["acme/web:1.3.0", "acme/web:2.0", "acme/web:latest"]);
  });

  test("that no tag fits is an error, and names what there is", async () => {
    await expect(take(source, images(`${WEB}@glob:9.*`))).rejects.toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining("no tag fits this policy"),
    });
  });

  test.each(["semver:>=", "regex:(", "regexp:[", "glob:"])(
    "that cannot be read is a mistake of the user, and does not take everything: %s",
    (policy) => {
      expect(() => parseSelection(images(`${WEB}@${policy}`))).toThrow(
        expect.objectContaining({ code: "SELECTION_INVALID" }),
      );
    },
  );

  test("does not take what belongs to images for an image", async () => {
    const signed = memorySource({
      "acme/web": { v1: aged(1), [`sha256-${"a".repeat(64)}.sig`]: aged(1, "sig") },
    });
    expect((await take(signed, images(`${WEB}@glob:*`))).tags).toEqual(["acme/web:v1"]);
  });
});

test("a policy behind the name of a module takes its versions, and the channels besides", async () => {
  const source = memorySource(
    moduleRepositories({
      name: "foo",
      versions: ["v1.0.0", "v1.1.0", "v2.0.0"],
      channels: { stable: "v2.0.0" },
    }),
  );
  const wishes = { ...MODULES_ONLY, includeModules: ["foo@glob:v1.*"] };
  const { tags } = await take(source, wishes);
  expect(tags.filter((tag) => tag.startsWith("acme/modules/foo:")).sort()).toEqual([
    "acme/modules/foo:v1.0.0",
    "acme/modules/foo:v1.1.0",
    "acme/modules/foo:v2.0.0",
  ]);
});

describe("latest", () => {
  test("keeps the highest versions of a range, and says why the others are left out", async () => {
    const source = webOf({ "1.0.0": 1, "1.1.0": 2, "1.2.0": 3 });
    const { tags, exclusions } = await take(source, { ...images(`${WEB}@>=1.0`), latest: 2 });
    expect(tags.sort()).toEqual(["acme/web:1.1.0", "acme/web:1.2.0"]);
    expect(exclusions).toEqual([
      { repository: WEB, tag: "1.0.0", reason: "`latest` takes 2, and it is not among the newest" },
    ]);
    expect(source.requests.filter((request) => request.startsWith("blob"))).toEqual([]);
  });

  test("keeps what was made last of what a glob takes", async () => {
    const source = webOf({ "a-1": 1, "a-2": 30, "a-3": 2 });
    const { tags } = await take(source, { ...images(`${WEB}@glob:a-*`), latest: 2 });
    expect(tags.sort()).toEqual(["acme/web:a-1", "acme/web:a-3"]);
  });

  test("of equal versions prefers the longer spelling", async () => {
    const source = webOf({ "1.10": 1, "1.10.0": 1 });
    const { tags } = await take(source, { ...images(`${WEB}@semver:*`), latest: 1 });
    expect(tags).toEqual(["acme/web:1.10.0"]);
  });
});

describe("newerThan", () => {
  test("leaves out what was made earlier, with the time in the reason", async () => {
    const source = webOf({ "1.0.0": 100, "1.1.0": 50 });
    const { tags, exclusions } = await take(source, { ...images(`${WEB}@*`), newerThan: "90d" });
    expect(tags).toEqual(["acme/web:1.1.0"]);
    expect(exclusions).toEqual([
      {
        repository: WEB,
        tag: "1.0.0",
        reason: "it was made at 2026-03-22T00:00:00.000Z, which `newerThan` leaves out",
      },
    ]);
  });

  test("asks from the newest version down, and for no more times than are needed", async () => {
    const source = webOf({ "1.0.0": 5, "1.1.0": 4, "1.2.0": 3, "1.3.0": 2, "1.4.0": 1 });
    const wishes = { ...images(`${WEB}@*`), newerThan: "90d", latest: 2 };
    const { notices } = await take(source, wishes);
    expect(source.requests.filter((request) => request.startsWith("blob"))).toHaveLength(2);
    expect(notices.join("\n")).toContain("It took 4 requests to know when 2 tags");
  });

  test("asks nothing again that the run before has found out", async () => {
    await using directory = await openTempDirectory();
    const wishes = { ...images(`${WEB}@*`), newerThan: "90d" };
    const tags = { "1.0.0": 100, "1.1.0": 50 };
    await take(webOf(tags), wishes, directory.path);
    const source = webOf(tags);
    await take(source, wishes, directory.path);
    expect(source.requests).toEqual(["tags acme/web", "get acme/web:1.1.0"]);
  });

  test("leaves out what does not say when it was made", async () => {
    const source = memorySource({
      "acme/web": {
        "1.0.0": image({ config: { created: "0001-01-01T00:00:00Z" } }),
        "1.1.0": aged(1),
      },
    });
    const { exclusions } = await take(source, { ...images(`${WEB}@*`), newerThan: "90d" });
    expect(exclusions).toEqual([
      {
        repository: WEB,
        tag: "1.0.0",
        reason: "it does not say when it was made, and `newerThan` asks",
        isUndated: true,
      },
    ]);
  });

  test.each(["soon", "90", "", "90x", "0d", "2026-13-01"])("%s is refused", (newerThan) => {
    expect(() => parseSelection({ ...images(WEB), newerThan })).toThrow(
      expect.objectContaining({ code: "SELECTION_INVALID" }),
    );
  });
});

describe("excludeTags", () => {
  test("wins over what a policy takes and over a tag that is named, with a reason each", async () => {
    const source = webOf({ "1.0.0": 1, "1.1.0-rc.1": 1, "2.0.0-rc.1": 1 });
    const wishes = {
      ...images(`${WEB}@glob:1.*`, `${WEB}:2.0.0-rc.1`),
      excludeTags: ["*-rc*"],
    };
    const { tags, exclusions, notices } = await take(source, wishes);
    expect(tags).toEqual(["acme/web:1.0.0"]);
    const reason = '`excludeTags` "glob:*-rc*" leaves it out';
    expect(exclusions).toEqual([
      { repository: WEB, tag: "1.1.0-rc.1", reason },
      { repository: WEB, tag: "2.0.0-rc.1", reason },
    ]);
    expect(notices).toEqual([
      `LEFT_OUT: 2 tags of "${WEB}" are left out (1.1.0-rc.1, 2.0.0-rc.1): ${reason}`,
    ]);
  });

  test("that leaves nothing of a policy is an error, not an empty bundle", async () => {
    const source = webOf({ "1.0.0": 1 });
    const wishes = { ...images(`${WEB}@glob:1.*`), excludeTags: ["1.*"] };
    await expect(take(source, wishes)).rejects.toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining("left out by `excludeTags`"),
    });
  });
});

describe("repositories", () => {
  const source = memorySource({
    "acme/web": { v1: aged(1, "w") },
    "acme/db": { v1: aged(1, "d") },
    "other/x": { v1: aged(1, "x") },
  });
  const all = images(`${WEB}:v1`, "registry.test/acme/db:v1", "registry.test/other/x:v1");

  test("that are excluded are left out although they are included, each with its reason", async () => {
    const wishes = {
      ...all,
      includeRepositories: ["registry.test/acme/*"],
      excludeRepositories: ["*/db"],
    };
    const { tags, exclusions } = await take(source, wishes);
    expect(tags).toEqual(["acme/web:v1"]);
    expect(exclusions).toEqual([
      { repository: "registry.test/acme/db", reason: '`excludeRepositories` "*/db" leaves it out' },
      { repository: "registry.test/other/x", reason: "no `includeRepositories` names it" },
    ]);
  });

  test("that leave nothing are an error", async () => {
    await expect(take(source, { ...all, excludeRepositories: ["*"] })).rejects.toMatchObject({
      code: "SELECTION_UNMATCHED",
      message: expect.stringContaining("all is left out"),
    });
  });
});
