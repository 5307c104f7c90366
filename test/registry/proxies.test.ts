import { beforeAll, expect } from "vitest";
import { allTests } from "../support/fixture.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { blob, exists, found } from "./support/ask.ts";
import { type Authority, createAuthority, type IssuedCertificate } from "./support/authority.ts";
import { startProxy } from "./support/proxy.ts";
import { type Answer, send, startServer } from "./support/server.ts";

const { describe, test } = requireTool("openssl");

let authority: Authority;
let certificate: IssuedCertificate;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  authority = await createAuthority(directory.path);
  certificate = await authority.issue("registry", { names: "DNS:registry.test,IP:127.0.0.1" });
});

function portOf(host: string): string {
  return host.replace(/^.*:/, "");
}

describe("--insecure", () => {
  test("takes tokens by plain HTTP of a registry that has nothing else", async () => {
    const answer: Answer = ({ url, headers }, response) => {
      if (url.startsWith("/token")) return send(response, 200, {}, '{"token":"t"}');
      if (headers.authorization === "Bearer t") return send(response, 200);
      const realm = `Bearer realm="http://${headers.host}/token"`;
      send(response, 401, { "www-authenticate": realm });
    };
    await using server = await startServer(answer);
    const registry = `0.0.0.0:${portOf(server.host)}`;
    expect(await exists(registry, { env: {}, insecure: true })).toBe(true);
  });
});

describe("a proxy", () => {
  test("carries HTTPS by CONNECT, and the registry's certificate is checked", async () => {
    await using server = await startServer(found, certificate);
    await using proxy = await startProxy();
    const registry = `registry.test:${portOf(server.host)}`;
    const env = { HTTPS_PROXY: `http://${proxy.host}` };
    expect(await exists(registry, { env, ca: [authority.cert] })).toBe(true);
    expect(proxy.seen.map(({ line }) => line)).toEqual([`CONNECT ${registry}`]);
    expect(await exists(registry, { env })).toMatchObject({ reason: "certificate" });
    expect(server.seen).toHaveLength(1);
  });

  test("carries plain HTTP by its address, with its user, which the registry does not see", async () => {
    await using server = await startServer(found);
    await using proxy = await startProxy({ user: `user:${MARKER}` });
    const registry = `0.0.0.0:${portOf(server.host)}`;
    const env = { HTTP_PROXY: `user:${MARKER}@${proxy.host}` };
    expect(await exists(registry, { env, insecure: true })).toBe(true);
    const line = `HEAD http://${registry}/v2/acme/web/blobs/${blob.expected.digest}`;
    expect(proxy.seen.at(-1)).toMatchObject({ line });
    expect(server.seen[0]?.headers).toMatchObject({ host: registry });
    expect(JSON.stringify(server.seen)).not.toContain("proxy-authorization");
  });

  test("is reached by TLS with the certificates of the user", async () => {
    await using server = await startServer(found, certificate);
    await using proxy = await startProxy({ tls: certificate, user: "u:p" });
    const registry = `registry.test:${portOf(server.host)}`;
    const env = { HTTPS_PROXY: `https://u:p@${proxy.host}` };
    expect(await exists(registry, { env, ca: [authority.cert] })).toBe(true);
    const failure = await exists(registry, { env });
    expect(failure).toMatchObject({ reason: "proxy", message: expect.stringContaining("proxy") });
  });

  test.each<[number, string]>([
    [407, "proxy-denied"],
    [403, "proxy-denied"],
    [502, "proxy"],
  ])("that answers CONNECT with %i is named with what to do", async (status, reason) => {
    await using proxy = await startProxy({ status });
    const env = { HTTPS_PROXY: `http://user:${MARKER}@${proxy.host}` };
    const failure = await exists("registry.test", { env });
    expect(failure).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason,
      message: expect.stringContaining(`proxy "${proxy.host}": answered ${status}`),
      hint: expect.stringContaining("NO_PROXY"),
    });
    expect(String(failure) + (failure as Error).stack).not.toContain(MARKER);
  });

  test("that wants a user for plain HTTP is named, not the registry", async () => {
    await using proxy = await startProxy({ user: "u:p" });
    const env = { HTTP_PROXY: `http://${proxy.host}` };
    const failure = await exists("0.0.0.0:81", { env, insecure: true });
    expect(failure).toMatchObject({ reason: "proxy-denied" });
  });

  test("that does not answer is named", async () => {
    const env = { HTTPS_PROXY: "http://127.0.0.1:1" };
    expect(await exists("registry.test", { env })).toMatchObject({
      reason: "proxy",
      message: expect.stringContaining('proxy "127.0.0.1:1": ECONNREFUSED'),
    });
  });

  test("is not asked for hosts of NO_PROXY and of this machine", async () => {
    await using server = await startServer(found);
    const env = { HTTP_PROXY: "http://127.0.0.1:1", HTTPS_PROXY: "http://127.0.0.1:1" };
    expect(await exists(server.host, { env })).toBe(true);
    expect(
      await exists("nowhere.invalid", { env: { ...env, NO_PROXY: ".invalid" } }),
    ).toMatchObject({
      reason: "dns",
    });
  });

  test("of an unknown type is a usage error", async () => {
    const env = { HTTPS_PROXY: `socks5://${MARKER}@127.0.0.1:1` };
    const failure = await exists("registry.test", { env });
    expect(failure).toMatchObject({ code: "OPTION_INVALID", option: "HTTPS_PROXY" });
    expect(String(failure)).not.toContain(MARKER);
  });
});
