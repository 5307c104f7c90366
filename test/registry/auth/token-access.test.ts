import { describe, expect, test } from "vitest";
import { parseTokenAccess } from "../../../src/registry/auth/token-access.ts";

const tokenOf = (claims: unknown) =>
  ["{}", JSON.stringify(claims), "signature"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");

describe("parseTokenAccess()", () => {
  test("reads scopes, one per repository", () => {
    const access = [
      { type: "repository", name: "acme/web", actions: ["pull"] },
      { type: "repository", name: "acme/web", actions: ["push"] },
      { type: "registry", name: "catalog", actions: ["*"] },
    ];
    expect(parseTokenAccess(tokenOf({ access }))).toEqual([
      "repository:acme/web:pull,push",
      "registry:catalog:*",
    ]);
    expect(parseTokenAccess(tokenOf({ access: [] }))).toEqual([]);
  });

  test.each([
    ["a random text", "4f3a"],
    ["three parts that are no JSON", "a.b.c"],
    ["a token without the claim", tokenOf({ sub: "ada" })],
    ["a claim that is a text", tokenOf({ access: "all" })],
    ["a token that is a list", tokenOf([])],
    ["null", tokenOf(null)],
  ])("calls %s opaque", (_, token) => {
    expect(parseTokenAccess(token)).toBe("opaque");
  });

  test.each([
    [null],
    [{ type: "repository", name: "acme/web" }],
    [{ type: "repository", name: "a\u001b[2J", actions: ["pull"] }],
    [{ type: 1, name: "a", actions: [] }],
  ])("passes over an entry that is none: %j", (entry) => {
    expect(parseTokenAccess(tokenOf({ access: [entry] }))).toEqual([]);
  });

  test("passes over actions that are none", () => {
    const access = [{ type: "repository", name: "a", actions: ["pull", "\u001b", 7] }];
    expect(parseTokenAccess(tokenOf({ access }))).toEqual(["repository:a:pull"]);
  });
});
