import { expect, test } from "vitest";
import { readTags } from "../../src/target/read-tags.ts";

test("a failure keeps the tags behind it from being asked for", async () => {
  const asked: string[] = [];
  const repository = {
    async *listTags() {
      for (let tag = 0; tag < 100; tag++) yield `v${tag}`;
    },
    resolve: async (tag: string) => {
      asked.push(tag);
      throw new Error("the line is gone");
    },
  };
  await expect(readTags(repository, {})).rejects.toThrow("the line is gone");
  expect(asked.length).toBeLessThan(10);
});
