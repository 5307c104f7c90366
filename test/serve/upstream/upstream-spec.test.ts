import { describe, expect, test } from "vitest";
import { parseUpstreams } from "../../../src/serve/upstream/upstream-spec.ts";
import { MARKER } from "../../support/secrets.ts";

const VARIABLES = { U: "alice", P: "p@ss=1", EMPTY: "" };

const parse = (...texts: string[]) => parseUpstreams(texts, VARIABLES);
const failureOf = (...texts: string[]): string => {
  try {
    parse(...texts);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("an upstream", () => {
  test.each<[string, string, string, boolean, string]>([
    ["docker.io", "docker.io", "docker.io", false, ""],
    ["registry-1.docker.io", "docker.io", "docker.io", false, ""],
    ["docker.io=https://registry-1.docker.io", "docker.io", "docker.io", false, ""],
    ["quay.io=http://127.0.0.1:5902", "quay.io", "127.0.0.1:5902", true, ""],
    ["reg.example:5000", "reg.example:5000", "reg.example:5000", false, ""],
    ["quay.io=mirror.lan:5000", "quay.io", "mirror.lan:5000", false, ""],
    ["docker.io=https://harbor.lan/hub/", "docker.io", "harbor.lan", false, "hub"],
    ["docker.io=https://harbor.lan/v2/hub", "docker.io", "harbor.lan", false, "hub"],
  ])("is a name and an address: %s", (text, namespace, registry, isPlainHttp, path) => {
    expect(parse(text)).toEqual([{ namespace, registry, isPlainHttp, path }]);
  });

  test.each([
    ["alice:secret@ghcr.io", "alice", "secret"],
    ["alice:p@ss=1@ghcr.io", "alice", "p@ss=1"],
    ["alice:p@ss=1@ghcr.io=http://127.0.0.1:5903", "alice", "p@ss=1"],
    ["alice:a:b@ghcr.io=reg.example", "alice", "a:b"],
    [`\${U}:\${P}@ghcr.io=http://127.0.0.1:5903`, "alice", "p@ss=1"],
    [`robot-\${U}:x\${P}@ghcr.io`, "robot-alice", "xp@ss=1"],
    [`\${U}:\${NONE:-a,b:c@d=e}@ghcr.io`, "alice", "a,b:c@d=e"],
    [`\${EMPTY:=bob}:\${P}@ghcr.io`, "bob", "p@ss=1"],
  ])("K4: has credentials with any sign in them: %s", (text, username, password) => {
    expect(parse(text).map(({ login, namespace }) => ({ login, namespace }))).toEqual([
      { namespace: "ghcr.io", login: { username, password } },
    ]);
  });

  test("has none where both are empty on purpose", () => {
    expect(parse(`\${A:-}:\${B:-}@ghcr.io`)[0]).not.toHaveProperty("login");
  });
});

describe("a list of upstreams", () => {
  test("may be in one text or in several, and the defaults are seven", () => {
    expect(parse("docker.io,quay.io", "ghcr.io").map(({ namespace }) => namespace)).toEqual([
      "docker.io",
      "quay.io",
      "ghcr.io",
    ]);
    expect(parse("default")).toHaveLength(7);
  });

  test("overrides what the defaults say of the same registry", () => {
    const found = parse("default", "docker.io=http://127.0.0.1:1");
    expect(found).toHaveLength(7);
    expect(found.find(({ namespace }) => namespace === "docker.io")?.registry).toBe("127.0.0.1:1");
  });

  test("is empty for an empty text", () => {
    expect(parse("")).toEqual([]);
  });
});

describe("what is wrong", () => {
  test("K5: is named all at once", () => {
    const message = failureOf("=x", "host=", "u@", "fine.io");
    for (const text of ['"=x"', '"host="', '"u@"']) expect(message).toContain(text);
  });

  test.each([
    ["alice@ghcr.io", "has a user and no password"],
    ["ghcr.io=ftp://x", "only https and http are known"],
    ["ghcr.io=https://x/?a=b", "an address has neither ? nor #"],
    ["ghcr.io=https://u:p@x", "the login belongs in front of the host"],
    ["gh cr.io", "is no host"],
    [`\${U}.io`, "is no host"],
    ["quay.io,quay.io=x", "quay.io is named twice"],
  ])("is said: %s", (text, reason) => {
    expect(failureOf(text)).toContain(reason);
  });

  test.each([
    [`\${U}:\${NONE}@ghcr.io`, "credentials for ghcr.io incomplete: NONE is not set"],
    [`\${A}:\${B}@ghcr.io`, "credentials for ghcr.io incomplete: A and B are not set"],
    ["alice:@ghcr.io", "credentials for ghcr.io incomplete: the password is empty"],
    [`\${U}:\${EMPTY}@ghcr.io`, "credentials for ghcr.io incomplete: EMPTY is not set"],
  ])("K6: is half a login: %s", (text, message) => {
    expect(failureOf(text)).toContain(message);
  });

  test.each([
    `u:${MARKER}@`,
    `u:${MARKER}@gh cr.io`,
    `u:${MARKER}@ghcr.io=`,
    `u:a@${MARKER}@ghcr.io=ftp://x`,
    `:${MARKER}@ghcr.io`,
    `ghcr.io=https://u:${MARKER}@x`,
    `ghcr.io=https://u:${MARKER}/x@y`,
  ])("is told without the password: %s", (text) => {
    expect(failureOf(text)).not.toBe("");
    expect(failureOf(text)).not.toContain(MARKER);
  });
});
