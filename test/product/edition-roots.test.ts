import { describe, expect, test } from "vitest";
import { bareRootOf, sharedPlacesOf } from "../../src/product/edition-roots.ts";

const registry = "registry.test:5000";

describe("bareRootOf()", () => {
  test.each([
    ...["ee", "fe", "se", "be", "se-plus", "ce"].map((edition) => [`acme/${edition}`, "acme"]),
    ["deep/acme/ee", "deep/acme"],
    ["ee", ""],
    ["acme", "acme"],
    ["acme/cse", "acme/cse"],
    ["ee/mirror", "ee/mirror"],
    ["acme/ee2", "acme/ee2"],
  ])("of %s is %j", (repository, bare) => {
    expect(bareRootOf({ registry, repository })).toEqual({ registry, repository: bare });
  });
});

describe("sharedPlacesOf()", () => {
  test("has the bare root before the source, each once", () => {
    const places = (repository: string) =>
      sharedPlacesOf({ registry, repository }).map((place) => place.repository);
    expect(places("acme/ee")).toEqual(["acme", "acme/ee"]);
    expect(places("acme")).toEqual(["acme"]);
  });
});
