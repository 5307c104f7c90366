import { expect, test } from "vitest";
import { MirrorError } from "../../../src/errors.ts";
import { TagSets } from "../../../src/pull/plan/tag-sets.ts";

const WEB = { registry: "registry.test", repository: "acme/web" };
const HEX = "ab".repeat(32);

class DeniedError extends MirrorError {
  override readonly code = "REGISTRY_DENIED";
}

test("the tags of a repository are gone through once, however many images of it ask", async () => {
  const tags = ["v1", "v2", `sha256-${HEX}.sig`, `sha256-${HEX}.src`, "1-2.3"];
  let given = 0;
  const source = {
    async *listTags() {
      for (const tag of tags) {
        given += 1;
        yield tag;
      }
    },
  };
  const sets = new TagSets();
  const [first] = await Promise.all(Array.from({ length: 100 }, () => sets.of(WEB, source, {})));
  expect(given).toBe(tags.length);
  expect([...(first?.all ?? [])]).toEqual(tags);
  expect([...(first?.others ?? [])]).toEqual([[`sha256-${HEX}.`, [`sha256-${HEX}.src`]]]);
});

test("where a list is refused there is none, which is not an empty one", async () => {
  const source = {
    // biome-ignore lint/correctness/useYield: it fails before the first
    async *listTags(): AsyncGenerator<string> {
      throw new DeniedError("no");
    },
  };
  expect(await new TagSets().of(WEB, source, {})).toBeUndefined();
});
