import { describe, expect, test } from "vitest";
import { toWishes } from "../../../src/cli/options/selection.ts";

const NOTHING = {
  includeModules: [],
  excludeModules: [],
  includeImages: [],
  noModules: false,
  onlyExtraImages: false,
  platforms: [],
  latestPatch: false,
};

describe("toWishes()", () => {
  test("wishes for nothing by itself", () => {
    expect(toWishes({})).toEqual(NOTHING);
  });

  test("hands over every flag as text", () => {
    const flags = {
      source: "registry.example.com/acme",
      "include-module": ["foo@>=1.1.0 <1.3.0"],
      "exclude-module": ["bar"],
      "modules-path-suffix": "/",
      platform: ["linux/amd64"],
      "no-modules": true,
      "only-extra-images": true,
      "latest-patch": true,
    };
    expect(toWishes(flags)).toEqual({
      source: "registry.example.com/acme",
      includeModules: ["foo@>=1.1.0 <1.3.0"],
      excludeModules: ["bar"],
      modulesPathSuffix: "/",
      includeImages: [],
      noModules: true,
      onlyExtraImages: true,
      platforms: ["linux/amd64"],
      latestPatch: true,
    });
  });

  test("puts listed images behind named ones", () => {
    expect(toWishes({ "include-image": ["web:v1"] }, ["db:v2"]).includeImages).toEqual([
      "web:v1",
      "db:v2",
    ]);
  });

  test("takes --no-platform and --no-security-db without an effect", () => {
    expect(toWishes({ "no-platform": true, "no-security-db": true })).toEqual(NOTHING);
  });
});
