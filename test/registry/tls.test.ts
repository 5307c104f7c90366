import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect } from "vitest";
import {
  openRegistryClient,
  type RegistryClientOptions,
} from "../../src/registry/registry-client.ts";
import { waitForRegistry } from "../../src/registry/wait-for-registry.ts";
import { createFakeClock } from "../support/clock.ts";
import { allTests } from "../support/fixture.ts";
import { MARKER } from "../support/secrets.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { askEach, blob, found } from "./support/ask.ts";
import { type Authority, createAuthority, type IssuedCertificate } from "./support/authority.ts";
import { type Answer, send, startServer } from "./support/server.ts";

const { describe, test } = requireTool("openssl");

let authority: Authority;
let other: Authority;
let certificate: IssuedCertificate;
let client: IssuedCertificate;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  authority = await createAuthority(directory.path);
  other = await createAuthority(directory.path, "another CA");
  certificate = await authority.issue("registry");
  client = await authority.issue("robot");
});

async function ask(registry: string, options?: RegistryClientOptions) {
  const { results, events } = await askEach([registry], options);
  return { result: results[0], events };
}

describe("a private authority", () => {
  test("is trusted when a flag, a variable or a directory names it", async () => {
    await using server = await startServer(found, certificate);
    const { certificatePath } = authority;
    const certs = directory.resolve("hashed");
    await mkdir(certs, { recursive: true });
    await copyFile(certificatePath, join(certs, "ca.pem"));
    for (const options of [
      { caFiles: [other.certificatePath, certificatePath] },
      { env: { SSL_CERT_FILE: certificatePath } },
      { env: { SSL_CERT_DIR: `/nonexistent:${certs}` } },
      { env: { NODE_EXTRA_CA_CERTS: certificatePath } },
      { env: { SSL_CERT_FILE: other.certificatePath, NODE_EXTRA_CA_CERTS: certificatePath } },
      { tlsSkipVerify: true },
    ]) {
      expect((await ask(server.host, options)).result, JSON.stringify(options)).toBe(true);
    }
    for (const options of [{}, { env: { SSL_CERT_FILE: other.certificatePath } }]) {
      expect((await ask(server.host, options)).result).toMatchObject({ reason: "certificate" });
    }
  });

  test("that is not known is hinted at by a wait too, which no patience ends", async () => {
    await using server = await startServer(found, certificate);
    const url = `https://${server.host}`;
    const clock = createFakeClock();
    const options = { url, clock, timeoutMs: 2000, env: {}, certsDirectories: [] };
    const { certificatePath } = authority;
    await expect(waitForRegistry(options)).rejects.toMatchObject({
      code: "WAIT_TIMED_OUT",
      hint: expect.stringContaining("`caFiles`"),
    });
    const waited = await waitForRegistry({ ...options, caFiles: [certificatePath] });
    expect(waited.tries).toBe(1);
  });

  test("in a directory of certs.d that cannot be read is told, and the others are used", async () => {
    await using server = await startServer(found, certificate);
    const [certs, whole] = [directory.resolve("unreadable"), directory.resolve("readable")];
    await mkdir(certs, { recursive: true });
    await symlink(server.host, join(certs, server.host));
    await mkdir(join(whole, server.host), { recursive: true });
    await copyFile(authority.certificatePath, join(whole, server.host, "ca.crt"));
    const { result, events } = await ask(server.host, { certsDirectories: [certs, whole] });
    expect(result).toBe(true);
    expect(events).toMatchObject([
      { code: "CERTIFICATES_UNUSABLE", message: expect.stringContaining("(ELOOP)") },
    ]);
  });

  test("is trusted for the host that certs.d names, with its port, and for no other", async () => {
    await using server = await startServer(found, certificate);
    await using neighbour = await startServer(found, certificate);
    const certs = directory.resolve("certs.d");
    await mkdir(join(certs, server.host), { recursive: true });
    await copyFile(authority.certificatePath, join(certs, server.host, "ca.crt"));
    const options = { certsDirectories: ["/nonexistent", certs] };
    expect((await ask(server.host, options)).result).toBe(true);
    expect((await ask(neighbour.host, options)).result).toMatchObject({ reason: "certificate" });
  });
});

describe("a certificate that is trusted", () => {
  test("may be that of the server itself, as for programs in Go, and vouches for no other", async () => {
    await using server = await startServer(found, certificate);
    await using neighbour = await startServer(found, await authority.issue("neighbour"));
    const certs = directory.resolve("leaf.d");
    await mkdir(join(certs, server.host), { recursive: true });
    await copyFile(certificate.certificatePath, join(certs, server.host, "ca.crt"));
    expect((await ask(server.host, { certsDirectories: [certs] })).result).toBe(true);
    const options = { caFiles: [certificate.certificatePath] };
    expect((await ask(server.host, options)).result).toBe(true);
    expect((await ask(neighbour.host, options)).result).toMatchObject({ reason: "certificate" });
  });

  test("may stand behind a broken one where a variable names the file, and may not where a flag does", async () => {
    await using server = await startServer(found, certificate);
    const path = directory.resolve("broken.pem");
    const broken = "-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n";
    await writeFile(path, `junk\n${broken}${authority.cert}`);
    expect((await ask(server.host, { env: { SSL_CERT_FILE: path } })).result).toBe(true);
    const { result } = await ask(server.host, { caFiles: [path] });
    expect(result).toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(/cannot be read/),
    });
  });

  test("and has lost its line ends is told, not taken for one of another issuer", async () => {
    await using server = await startServer(found, certificate);
    const path = directory.resolve("line.pem");
    await writeFile(path, authority.cert.replaceAll("\n", ""));
    const { result } = await ask(server.host, { caFiles: [path] });
    expect(result).toMatchObject({
      code: "OPTION_INVALID",
      hint: expect.stringMatching(/line ends/),
    });
  });
});

describe("a file", () => {
  test("with a key that is encrypted is told as such", async () => {
    const keyFile = directory.resolve("encrypted.key");
    await writeFile(keyFile, "-----BEGIN ENCRYPTED PRIVATE KEY-----\n");
    await using server = await startServer(found);
    const { result } = await ask(server.host, { certFile: client.certificatePath, keyFile });
    expect(result).toMatchObject({
      message: expect.stringMatching(/is encrypted/),
      hint: expect.stringMatching(/openssl pkey/),
    });
  });

  test.each<[string, RegistryClientOptions, string]>([
    ["that is not there", { caFiles: ["/nonexistent/ca.pem"] }, "caFiles"],
    ["without its key", { certFile: "/nonexistent/cert.pem" }, "certFile"],
    ["without its certificate", { keyFile: "/nonexistent/key.pem" }, "keyFile"],
  ])("%s is a usage error before the first request", async (_, options, option) => {
    await using server = await startServer(found);
    const { result } = await ask(server.host, options);
    expect(result).toMatchObject({ code: "OPTION_INVALID", option });
    expect(server.seen).toEqual([]);
  });

  test("that is no certificate is a usage error, and its contents are not shown", async () => {
    const path = directory.resolve("empty.pem");
    await writeFile(path, MARKER);
    const { result } = await ask("127.0.0.1:1", { caFiles: [path] });
    expect(result).toMatchObject({ code: "OPTION_INVALID" });
    expect(String(result)).not.toContain(MARKER);
  });

  test("with the key of another certificate is a usage error", async () => {
    const pair = { certFile: client.certificatePath, keyFile: certificate.keyPath };
    expect((await ask("127.0.0.1:1", pair)).result).toMatchObject({ option: "keyFile" });
  });

  test("of a variable that cannot be read is a warning once a host speaks TLS", async () => {
    await using plain = await startServer(found);
    await using secure = await startServer(found, certificate);
    const env = { NODE_EXTRA_CA_CERTS: "/nonexistent/roots.pem" };
    const options = { env, caFiles: [authority.certificatePath] };
    expect(await ask(plain.host, options)).toEqual({ result: true, events: [] });
    const { result, events } = await ask(secure.host, options);
    expect(result).toBe(true);
    expect(events).toEqual([expect.objectContaining({ code: "CERTIFICATES_UNUSABLE" })]);
  });
});

describe("a certificate that is not trusted", () => {
  test.each<[string, () => Promise<IssuedCertificate>, readonly RegExp[]]>([
    [
      "because nobody knows its issuer",
      async () => certificate,
      [
        /"CN=registry" issued by "CN=mirror test CA"/,
        /issuer not known here/,
        /CN=mirror test CA.*`caFiles`/,
      ],
    ],
    [
      "because it has expired",
      () => authority.issue("old", { expired: true }),
      [/"CN=old"/, /expired on/, /Renew/],
    ],
    [
      "because it is for another host",
      () => authority.issue("elsewhere", { names: "DNS:elsewhere.test" }),
      [/"CN=elsewhere"/, /is for DNS:elsewhere\.test, not for "127\.0\.0\.1:\d+"/, /Use a name/],
    ],
    [
      "because it vouches for itself",
      async () => other,
      [/"CN=another CA"/, /vouches only for itself/],
    ],
  ])("%s is named with issuer, reason and flag", async (_, make, patterns) => {
    const made = await make();
    const ca = made === certificate || made === other ? [] : [authority.cert];
    await using server = await startServer(found, { cert: made.cert, key: made.key });
    const { result } = await ask(server.host, { ca });
    const text = `${(result as Error).message} ${(result as { hint?: string }).hint}`;
    for (const pattern of [...patterns, new RegExp(server.host), /`tlsSkipVerify`/]) {
      expect(text).toMatch(pattern);
    }
    expect(server.seen).toEqual([]);
  });

  test("stays untrusted however often it is tried", async () => {
    const elsewhere = await authority.issue("elsewhere", { names: "DNS:elsewhere.test" });
    await using server = await startServer(found, { cert: elsewhere.cert, key: elsewhere.key });
    await using opened = openRegistryClient({
      env: {},
      ca: [authority.cert],
      certsDirectories: [],
    });
    const repository = opened.repository({ registry: server.host, repository: "a" });
    for (let count = 0; count < 3; count += 1) {
      await expect(repository.exists(blob.expected)).rejects.toMatchObject({
        reason: "certificate",
      });
    }
    expect(server.seen).toEqual([]);
  });
});

describe("a client certificate", () => {
  const mutual = () => ({
    cert: certificate.cert,
    key: certificate.key,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: true,
  });

  test("is shown to the registry that asks for it", async () => {
    await using server = await startServer(found, mutual());
    const ca = [authority.cert];
    const { certificatePath: certFile, keyPath: keyFile } = client;
    expect((await ask(server.host, { ca, certFile, keyFile })).result).toBe(true);
    const certs = directory.resolve("mutual");
    await mkdir(join(certs, server.host), { recursive: true });
    await copyFile(certFile, join(certs, server.host, "client.cert"));
    await copyFile(keyFile, join(certs, server.host, "client.key"));
    expect((await ask(server.host, { ca, certsDirectories: [certs] })).result).toBe(true);
  });

  test("is not shown to a host that the registry redirects to", async () => {
    let shown: unknown;
    await using thief = await startServer(
      ({ url }, response) => {
        const socket = response.socket as unknown as { getPeerCertificate(): object };
        shown = Object.keys(socket.getPeerCertificate());
        send(response, url ? 200 : 500);
      },
      { ...mutual(), rejectUnauthorized: false },
    );
    await using server = await startServer(
      (_, response) => send(response, 307, { location: `https://${thief.host}/stolen` }),
      mutual(),
    );
    const { certificatePath: certFile, keyPath: keyFile } = client;
    const ca = [authority.cert];
    expect((await ask(server.host, { ca, certFile, keyFile })).result).toBe(true);
    expect(shown).toEqual([]);
  });

  test("without its key in certs.d is left out with a warning", async () => {
    await using server = await startServer(found, mutual());
    const certs = directory.resolve("halves");
    await mkdir(join(certs, server.host), { recursive: true });
    await copyFile(client.certificatePath, join(certs, server.host, "client.cert"));
    const options = { ca: [authority.cert], certsDirectories: [certs] };
    const { result, events } = await ask(server.host, options);
    expect(result).toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    expect(events[0]).toMatchObject({ code: "CERTIFICATES_UNUSABLE" });
  });
});

test("a proxy that ends TLS hides it from the registry: its own addresses with http are asked by HTTPS", async () => {
  const behindProxy: Answer = ({ headers, url }, response) => {
    const own = `http://${headers.host}`;
    if (url.startsWith("/token")) send(response, 200, {}, '{"token":"abc"}');
    else if (url.startsWith("/moved")) send(response, 200);
    else if (headers.authorization === "Bearer abc") {
      send(response, 307, { location: `${own}/moved` });
    } else send(response, 401, { "www-authenticate": `Bearer realm="${own}/token"` });
  };
  await using server = await startServer(behindProxy, certificate);
  const { result } = await ask(server.host, { caFiles: [authority.certificatePath] });
  expect(result).toBe(true);
  expect(server.seen.map(({ url }) => url.replace(/\?.*/, ""))).toEqual([
    expect.stringMatching(/\/blobs\//),
    "/token",
    expect.stringMatching(/\/blobs\//),
    "/moved",
  ]);
});
