import { describe, expect, test } from "vitest";
import { coversScopes, mergeScopes, parseScopes } from "../../../src/registry/auth/scope.ts";

describe("mergeScopes()", () => {
  test.each<[readonly string[], readonly string[]]>([
    [["repository:a:pull"], ["repository:a:pull"]],
    [["repository:a:push", "repository:a:pull"], ["repository:a:pull,push"]],
    [["repository:a:delete,pull", "repository:a:push"], ["repository:a:pull,push,delete"]],
    [
      ["repository:b:pull,push", "repository:a:pull"],
      ["repository:b:pull,push", "repository:a:pull"],
    ],
    [
      ["repository:host:5000/a:pull", "repository:host:5000/a:push"],
      ["repository:host:5000/a:pull,push"],
    ],
    [["registry:catalog:*"], ["registry:catalog:*"]],
  ])("%j → %j", (scopes, merged) => {
    expect(mergeScopes(scopes)).toEqual(merged);
  });
});

describe("parseScopes()", () => {
  test("splits at spaces and drops what is no scope", () => {
    expect(parseScopes(" repository:a:pull  registry:catalog:* x ")).toEqual([
      "repository:a:pull",
      "registry:catalog:*",
    ]);
  });
});

describe("coversScopes()", () => {
  test.each<[readonly string[], readonly string[], boolean]>([
    [["repository:a:pull,push"], ["repository:a:pull"], true],
    [["repository:a:pull"], ["repository:a:pull,push"], false],
    [["repository:a:pull"], ["repository:b:pull"], false],
  ])("%j covers %j: %j", (granted, wanted, expected) => {
    expect(coversScopes(granted, wanted)).toBe(expected);
  });
});
