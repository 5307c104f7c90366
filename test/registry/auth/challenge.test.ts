import { describe, expect, test } from "vitest";
import { parseChallenges, selectChallenge } from "../../../src/registry/auth/challenge.ts";

function parse(...lines: readonly string[]) {
  return parseChallenges(lines).map(({ scheme, parameters }) => [
    scheme,
    Object.fromEntries(parameters),
  ]);
}

describe("parseChallenges()", () => {
  test.each<[string, readonly string[], unknown]>([
    ["nothing", [], []],
    ["an empty line", [""], []],
    ["a scheme alone", ["Negotiate"], [["negotiate", {}]]],
    ["a plain value", ["Basic realm=test"], [["basic", { realm: "test" }]]],
    [
      "commas inside quotes",
      ['Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"'],
      [["bearer", { realm: "https://a/t", service: "s", scope: "repository:a/b:pull,push" }]],
    ],
    ["escapes", ['Basic realm="a \\"b\\" \\\\c"'], [["basic", { realm: 'a "b" \\c' }]]],
    [
      "names in any case",
      ['BEARER Realm="r", SERVICE=s'],
      [["bearer", { realm: "r", service: "s" }]],
    ],
    [
      "spaces around the sign",
      ['Bearer realm = "r" , service= s'],
      [["bearer", { realm: "r", service: "s" }]],
    ],
    [
      "two challenges in one header",
      ['Basic realm="a, b", Bearer realm="r",service="s"'],
      [
        ["basic", { realm: "a, b" }],
        ["bearer", { realm: "r", service: "s" }],
      ],
    ],
    [
      "two headers",
      ["Negotiate", 'Basic realm="x"'],
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    [
      "token68 before another challenge",
      ['Negotiate YWJj/+==, Basic realm="x"'],
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    [
      "empty list members",
      [', ,Basic realm="x",,charset="UTF-8",'],
      [["basic", { realm: "x", charset: "UTF-8" }]],
    ],
    ["the first of two equal names", ['Basic realm="x",realm="y"'], [["basic", { realm: "x" }]]],
    ["a quote that is not closed", ['Basic realm="x'], [["basic", {}]]],
  ])("reads %s", (_, lines, expected) => {
    expect(parse(...lines)).toEqual(expected);
  });

  test("takes no time for hostile input", () => {
    const line = `Bearer ${'realm="'.repeat(20_000)}`;
    expect(parse(line)).toHaveLength(1);
  });
});

describe("selectChallenge()", () => {
  test.each<[string, string, string | undefined]>([
    ["Bearer before Basic", 'Basic realm="x", Bearer realm="r"', "bearer"],
    ["Basic when Bearer has no realm", 'Bearer service="s", Basic realm="x"', "basic"],
    ["nothing of unknown schemes", "Negotiate, NTLM", undefined],
  ])("takes %s", (_, line, scheme) => {
    expect(selectChallenge(parseChallenges([line]))?.scheme).toBe(scheme);
  });
});
