import { expect, test } from "vitest";
import type { Notice } from "../../src/notice.ts";
import { findNewer } from "../../src/outdated/find-newer.ts";
import { parseSelection } from "../../src/selection/grammar/parse-selection.ts";
import type { ParseSelectionOptions } from "../../src/selection/grammar/selection-options.ts";
import { image } from "../support/artifacts.ts";
import {
  DeniedError,
  type MemorySource,
  memorySource,
  moduleRepositories,
} from "../support/memory-source.ts";

const VERSIONS = ["v1.0.0", "v1.1.0", "v2.0.0"];
const SOURCE = memorySource({
  "acme/web": Object.fromEntries(VERSIONS.map((tag) => [tag, image({ name: tag })])),
  ...moduleRepositories({ name: "console", versions: VERSIONS, channels: {} }),
});

async function newer(
  wishes: ParseSelectionOptions,
  { openSource }: Pick<MemorySource, "openSource"> = SOURCE,
) {
  const { selection } = parseSelection(wishes);
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => notices.push(notice);
  const found = await findNewer({ selection, openSource, onNotice });
  return {
    found: found.map(({ repository, tag, newer: tags }) => [repository, tag, ...tags]),
    notices,
  };
}

const images = (...names: readonly string[]) => ({
  includeImages: names.map((name) => `registry.test/acme/${name}`),
});

test("what is named by a tag is told what lies above it; what a range or a digest names is not", async () => {
  const place = "registry.test/acme/web";
  expect(await newer(images("web:v1.0.0", "web@=v1.1.0"))).toEqual({
    found: [
      [place, "v1.0.0", "v2.0.0", "v1.1.0"],
      [place, "v1.1.0", "v2.0.0"],
    ],
    notices: [],
  });
  const digest = `sha256:${"a".repeat(64)}`;
  const others = images("web@^1", "web@semver:*", `web:v1.0.0@${digest}`, "web");
  expect((await newer(others)).found).toEqual([]);
});

test("versions of modules that are pinned are looked at below the source", async () => {
  const wishes = { source: "registry.test/acme", includeModules: ["console@=v1.0.0"] };
  expect((await newer(wishes)).found).toEqual([["modules/console", "v1.0.0", "v2.0.0", "v1.1.0"]]);
  expect((await newer({ ...wishes, includeModules: ["console@^1.0"] })).found).toEqual([]);
});

test("what is left out is no newer version", async () => {
  const wishes = { ...images("web:v1.0.0"), excludeTags: ["v2.*"] };
  expect((await newer(wishes)).found).toEqual([["registry.test/acme/web", "v1.0.0", "v1.1.0"]]);
  expect((await newer({ ...wishes, excludeRepositories: ["*/web"] })).found).toEqual([]);
});

test("where a list cannot be had, that is told and ends nothing", async () => {
  const openSource: MemorySource["openSource"] = (reference) => ({
    ...SOURCE.openSource(reference),
    async *listTags() {
      yield await Promise.reject(new DeniedError("listing is refused"));
    },
  });
  const { found, notices } = await newer(images("web:v1.0.0"), { openSource });
  expect(found).toEqual([]);
  expect(notices).toMatchObject([{ code: "TAG_LIST_MISSING" }]);
  expect(notices[0]?.message).toContain("registry.test/acme/web");
});
