import { expect, test } from "vitest";
import { groupFiles } from "../../../src/bundle/read/group-files.ts";

test("each of many chunks is looked at some times, not once for each other one", () => {
  let looks = 0;
  const found = Array.from({ length: 2_000 }, (_, chunk) => ({
    name: `images.tar.${chunk}`,
    size: 1,
    packageName: "images",
    get chunk() {
      looks += 1;
      return chunk;
    },
  }));
  const { packages, problems } = groupFiles("/bundle", found, []);
  expect(packages.map(({ files }) => files.length)).toEqual([2_000]);
  expect(problems).toEqual([]);
  expect(looks / found.length).toBeLessThan(20);
});
