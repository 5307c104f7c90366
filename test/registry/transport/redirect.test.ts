import { Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { isSameSite, parseRealm } from "../../../src/registry/auth/realm.ts";
import type { NetworkReach } from "../../../src/registry/transport/connect/address.ts";
import { isInward } from "../../../src/registry/transport/connect/inward.ts";
import type { HttpRequest, HttpResponse } from "../../../src/registry/transport/http.ts";
import { sendFollowing } from "../../../src/registry/transport/redirect.ts";

const REACHES: Readonly<Record<string, NetworkReach>> = {
  "registry.public": "public",
  "registry.inner": "private",
};
const reachOfHost = (hostname: string) => REACHES[hostname];

async function follow(from: string, location: string, request: Partial<HttpRequest> = {}) {
  const sent: HttpRequest[] = [];
  const send = async (hop: HttpRequest): Promise<HttpResponse> => {
    sent.push(hop);
    const isFirst = sent.length === 1;
    return {
      url: hop.url,
      status: isFirst ? 307 : 200,
      headers: isFirst ? { location } : {},
      body: Readable.from([]),
      discard: async () => undefined,
    };
  };
  const headers = { authorization: "Basic x", range: "bytes=1-2", Cookie: "a" };
  const first = { method: "GET", url: new URL(from), headers, ...request };
  await sendFollowing(send, first, { registry: "r", reachOfHost });
  return sent;
}

describe("sendFollowing()", () => {
  test("keeps everything on the same origin", async () => {
    const [, second] = await follow("https://a/x", "/y");
    expect(second?.headers).toEqual({ authorization: "Basic x", range: "bytes=1-2", Cookie: "a" });
  });

  test.each([
    ["another host", "https://b/y"],
    ["another port", "https://a:444/y"],
  ])("leaves credentials behind and takes the range along to %s", async (_, location) => {
    const [, second] = await follow("https://a/x", location);
    expect(second?.headers).toEqual({ range: "bytes=1-2" });
  });

  test.each([
    ["https://a/x", "http://a/y", "https://a/y"],
    ["https://a:8443/x", "http://a/y", "https://a:8443/y"],
    ["https://a:8443/x", "http://a:8443/y", "https://a:8443/y"],
  ])("reads plain HTTP at the own name as a proxy hides it: %s to %s", async (from, to, url) => {
    const [, second] = await follow(from, to);
    expect(second?.url.href).toBe(url);
    expect(second?.headers).toMatchObject({ authorization: "Basic x" });
  });

  test("sends a body again only for 307 and 308", async () => {
    const body = Buffer.from("x");
    const [, second] = await follow("https://a/x", "/y", { method: "PUT", body });
    expect(second).toMatchObject({ method: "PUT", body });
  });

  test.each([
    ["from HTTPS to plain HTTP", "https://a/x", "http://b/y"],
    ["from HTTPS to plain HTTP on a port of its own", "https://a/x", "http://a:8080/y"],
    ["into the machine", "https://registry.inner/x", "http://127.0.0.1:8080/"],
    ["into the machine by name", "https://registry.inner/x", "https://localhost/"],
    ["to cloud metadata", "https://registry.inner/x", "https://169.254.169.254/latest"],
    ["from public to private addresses", "https://registry.public/x", "https://10.0.0.1/"],
    ["from public to private addresses in IPv6", "https://registry.public/x", "https://[fd00::1]/"],
  ])("refuses to go %s", async (_, from, location) => {
    await expect(follow(from, location)).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
  });
});

describe("isInward()", () => {
  test.each([
    ["https://registry.inner/", "https://10.0.0.7:9000/", false],
    ["https://unknown.host/", "https://10.0.0.7:9000/", false],
    ["https://unknown.host/", "https://169.254.169.254/", true],
    ["https://registry.public/", "https://8.8.8.8/", false],
    ["http://127.0.0.1:5000/", "http://127.0.0.1:6000/", false],
    ["http://127.0.0.1:5000/", "http://10.0.0.1/", false],
  ])("%s → %s: %j", (from, to, expected) => {
    expect(isInward(new URL(from), new URL(to), reachOfHost)).toBe(expected);
  });
});

describe("isSameSite()", () => {
  test.each([
    ["https://registry-1.docker.io", "https://auth.docker.io", true],
    ["https://registry.local:5000", "https://registry.local", true],
    ["https://registry.example.com", "https://login.example.org", false],
    ["https://10.0.0.1", "https://10.9.0.1", false],
  ])("%s and %s: %j", (left, right, expected) => {
    expect(isSameSite(new URL(left), new URL(right))).toBe(expected);
  });
});

describe("parseRealm()", () => {
  const parse = (realm: string, registry = "https://registry.public") =>
    parseRealm(realm, { registryUrl: new URL(registry), reachOfHost }).href;

  test.each([
    ["https://auth.public/token", "https://auth.public/token"],
    ["/token", "https://registry.public/token"],
    // What Harbor says behind a proxy that ends TLS
    ["http://registry.public/service/token", "https://registry.public/service/token"],
  ])("takes %s", (realm, expected) => {
    expect(parse(realm)).toBe(expected);
  });

  test.each([
    "http://auth.public/token",
    "http://registry.public:8080/token",
    "https://127.0.0.1/token",
    "https://localhost/token",
    "https://169.254.169.254/token",
    "https://10.1.1.1/token",
    "file:///etc/passwd",
    "https://user:password@auth.public/",
  ])("refuses %s", (realm) => {
    expect(() => parse(realm)).toThrow("realm");
  });
});
