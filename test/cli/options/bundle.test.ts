import { describe, expect, test } from "vitest";
import { toBundleOptions } from "../../../src/cli/options/bundle.ts";

describe("toBundleOptions()", () => {
  test("resumes and does not split by default", () => {
    expect(toBundleOptions({})).toEqual({ force: false, resume: true });
  });

  test.each([
    ["0.005", 5_000_000],
    ["4", 4_000_000_000],
    ["4GiB", 4_294_967_296],
    ["700MB", 700_000_000],
  ])("splits at %s", (text, chunkSizeBytes) => {
    expect(toBundleOptions({ "images-bundle-chunk-size": text })).toMatchObject({ chunkSizeBytes });
  });

  test.each(["0", "0.0", "00"])("takes %s as no limit", (text) => {
    expect(toBundleOptions({ "images-bundle-chunk-size": text })).not.toHaveProperty(
      "chunkSizeBytes",
    );
  });

  test.each(["", "-1", "many", "4 bananas"])("refuses %j", (text) => {
    expect(() => toBundleOptions({ "images-bundle-chunk-size": text })).toThrow();
  });

  test("starts over with --no-pull-resume", () => {
    expect(toBundleOptions({ "no-pull-resume": true, force: true })).toEqual({
      force: true,
      resume: false,
    });
  });
});
