import { describe, expect, test } from "vitest";
import { selectProxy } from "../../../../src/registry/transport/connect/proxy.ts";

const BOTH = { HTTP_PROXY: "http://plain:3128", HTTPS_PROXY: "http://secure:3128" };

function proxyFor(url: string, env: Readonly<Record<string, string>>): string | undefined {
  return selectProxy(new URL(url), env)?.host;
}

describe("selectProxy()", () => {
  test.each<[string, Readonly<Record<string, string>>, string | undefined]>([
    ["https://a.test", BOTH, "secure:3128"],
    ["http://a.test", BOTH, "plain:3128"],
    ["https://a.test", { HTTP_PROXY: "http://plain:3128" }, undefined],
    ["http://a.test", { HTTPS_PROXY: "http://secure:3128" }, undefined],
    ["https://a.test", { https_proxy: "http://lower:1" }, "lower:1"],
    ["https://a.test", { HTTPS_PROXY: "http://upper:1", https_proxy: "http://lower:1" }, "upper:1"],
    ["https://a.test", { HTTPS_PROXY: "", https_proxy: "http://lower:1" }, "lower:1"],
    ["https://a.test", { HTTPS_PROXY: "bare.host:8080" }, "bare.host:8080"],
    ["https://a.test", { ALL_PROXY: "http://all:1" }, undefined],
    ["http://127.0.0.1:5000", BOTH, undefined],
    ["http://127.9.9.9", BOTH, undefined],
    ["http://localhost:5000", BOTH, undefined],
    ["https://[::1]:5000", BOTH, undefined],
    ["http://10.0.0.1", BOTH, "plain:3128"],
  ])("%s with %j goes through %s", (url, env, expected) => {
    expect(proxyFor(url, env)).toBe(expected);
  });

  test.each<[string, string, boolean]>([
    ["a.test", "https://a.test", true],
    ["a.test", "https://x.a.test", true],
    ["a.test", "https://xa.test", false],
    [".a.test", "https://a.test", false],
    [".a.test", "https://x.a.test", true],
    ["*.a.test", "https://a.test", false],
    ["*.a.test", "https://y.x.a.test", true],
    ["A.TEST", "https://a.test", true],
    [" a.test , b.test ", "https://b.test", true],
    ["*", "https://anything.test", true],
    ["b.test,*", "https://10.1.2.3", true],
    ["a.test:5000", "https://a.test:5000", true],
    ["a.test:5000", "https://a.test", false],
    ["a.test:443", "https://a.test", true],
    ["a.test:80", "http://x.a.test", true],
    ["10.0.0.0/8", "https://10.1.2.3", true],
    ["10.0.0.0/8", "https://11.1.2.3", false],
    ["10.0.0.0/8", "https://ten.test", false],
    ["fd00::/8", "https://[fd12::1]", true],
    ["10.1.2.3", "https://10.1.2.3:5000", true],
    ["10.1.2.3:5000", "https://10.1.2.3:5000", true],
    ["10.1.2.3:5000", "https://10.1.2.3", false],
    ["[fd12::1]:5000", "https://[fd12::1]:5000", true],
    ["fd12::1", "https://[fd12::1]", true],
    ["", "https://a.test", false],
    [",,", "https://a.test", false],
    [":80", "http://a.test", false],
    ["10.0.0.0/99", "https://10.1.2.3", false],
    ["not/a/net", "https://10.1.2.3", false],
  ])("NO_PROXY=%s leaves %s alone: %s", (noProxy, url, isDirect) => {
    expect(proxyFor(url, { ...BOTH, NO_PROXY: noProxy }) === undefined).toBe(isDirect);
    expect(proxyFor(url, { ...BOTH, no_proxy: noProxy }) === undefined).toBe(isDirect);
  });

  test("makes a header of the user, and shows the proxy without", () => {
    const proxy = selectProxy(new URL("https://a.test"), {
      HTTPS_PROXY: "http://user:p%40ss@proxy:3128",
    });
    const authorization = `Basic ${Buffer.from("user:p@ss").toString("base64")}`;
    expect(proxy).toMatchObject({ host: "proxy:3128", authorization });
  });

  test.each(["socks5://secret@proxy:1080", "http://secret@:::"])(
    "refuses %s without quoting it",
    (text) => {
      const attempt = () => selectProxy(new URL("https://a.test"), { HTTPS_PROXY: text });
      expect(attempt).toThrow(/^HTTPS_PROXY /);
      expect(attempt).not.toThrow(/secret/);
    },
  );
});
