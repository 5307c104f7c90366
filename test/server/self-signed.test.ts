import { X509Certificate } from "node:crypto";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { get } from "node:https";
import { networkInterfaces } from "node:os";
import { createServer as createTlsServer, rootCertificates } from "node:tls";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createKey, issueLeaf } from "../../src/server/certificate.ts";
import { listenHttp } from "../../src/server/listen.ts";
import { openSelfSigned } from "../../src/server/self-signed.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";

const DAY = 24 * 3_600_000;
const START = Date.now();

let directory: TempDirectory;

beforeEach(async () => {
  directory = await openTempDirectory();
});

afterEach(() => directory[Symbol.asyncDispose]());

const open = (days = 0, names: readonly string[] = []) =>
  openSelfSigned({ directory: directory.resolve("tls"), names, now: () => START + days * DAY });
const fileOf = (name: string) => readFile(directory.resolve("tls", name), "utf8");
const certificateOf = async (name: string) => new X509Certificate(await fileOf(name));

test("a certificate has the names and addresses of this machine, and those that are asked for", async () => {
  const { authority } = await open(0, ["Mirror.Lan", "203.0.113.7", "fd00::7"]);
  const leaf = await certificateOf("tls.crt");
  const own = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const addresses = own.filter(({ scopeid }) => !scopeid).map(({ address }) => address);
  for (const address of [...addresses, "203.0.113.7", "fd00::7"]) {
    expect(leaf.checkIP(address), address).toBeDefined();
  }
  for (const name of ["localhost", "mirror.lan"]) expect(leaf.checkHost(name)).toBe(name);
  expect(authority.names).toEqual(expect.arrayContaining(["localhost", "mirror.lan"]));
  expect(authority.leftOut).toEqual([]);
});

test("what is secret is readable by its owner only", async () => {
  await open();
  const modeOf = async (name: string) => (await stat(directory.resolve("tls", name))).mode & 0o777;
  expect(await modeOf("ca.key")).toBe(0o600);
  expect(await modeOf("tls.key")).toBe(0o600);
  expect(await modeOf(".")).toBe(0o700);
});

test("a client that trusts the authority connects, and one that does not refuses", async () => {
  const { authority, identity } = await open();
  await using listener = await listenHttp({
    address: "127.0.0.1",
    port: 0,
    tls: identity,
    handler: async () => ({ status: 200, headers: {} }),
  });
  const connect = (ca?: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const url = `https://127.0.0.1:${listener.port}/`;
      get(url, { ca: ca ?? [...rootCertificates], agent: false }, (response) =>
        resolve(response.statusCode),
      ).on("error", reject);
    });
  expect(await connect(await readFile(authority.path, "utf8"))).toBe(200);
  await expect(connect()).rejects.toThrow(/self-signed|unable to/);
});

test("the authority vouches for no public name, whoever has its key", async () => {
  const { authority } = await open();
  const certificate = await readFile(authority.path, "utf8");
  const key = createKey();
  const stolen = await issueLeaf({
    key,
    commonName: "quay.io",
    names: ["quay.io"],
    notBefore: new Date(START - DAY),
    notAfter: new Date(START + DAY),
    authority: { certificate, key: await fileOf("ca.key") },
  });
  const server = createTlsServer({ cert: stolen, key }).listen(0, "127.0.0.1");
  try {
    const { port } = await new Promise<{ port: number }>((resolve) =>
      server.once("listening", () => resolve(server.address() as { port: number })),
    );
    const connected = new Promise((resolve, reject) => {
      const url = `https://127.0.0.1:${port}/`;
      get(url, { ca: certificate, servername: "quay.io", agent: false }, resolve).on(
        "error",
        reject,
      );
    });
    await expect(connected).rejects.toThrow("permitted subtree violation");
  } finally {
    server.close();
  }
});

test("both are kept, and the certificate is made anew a month before it expires", async () => {
  await open();
  const [authority, leaf] = [await fileOf("ca.crt"), await fileOf("tls.crt")];
  await open(366);
  expect(await fileOf("tls.crt")).toBe(leaf);
  await open(368);
  expect(await fileOf("ca.crt")).toBe(authority);
  expect(await fileOf("tls.crt")).not.toBe(leaf);
  expect(Date.parse((await certificateOf("tls.crt")).validTo)).toBeGreaterThan(START + 700 * DAY);
});

test("the authority is made anew a year before it expires, and who trusts the old one goes on", async () => {
  await open();
  const old = await certificateOf("ca.crt");
  await open(3286);
  const [authority, leaf] = [await certificateOf("ca.crt"), await certificateOf("tls.crt")];
  expect(authority.fingerprint256).not.toBe(old.fingerprint256);
  expect(leaf.verify(old.publicKey)).toBe(true);
  expect(leaf.checkIssued(old)).toBe(true);
});

test("a name that comes later needs an authority that may vouch for it", async () => {
  await open();
  await expect(open(0, ["mirror.example"])).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: expect.stringContaining("may not vouch for mirror.example"),
  });
  await open(0, ["below.localhost", "10.9.8.7"]);
  expect((await certificateOf("tls.crt")).checkHost("below.localhost")).toBeDefined();
});

test.each<[string, (tls: string) => Promise<unknown>]>([
  ["its key is gone", (tls) => rm(`${tls}/ca.key`)],
  ["its key is another", (tls) => writeFile(`${tls}/ca.key`, createKey())],
  ["it is no certificate", (tls) => writeFile(`${tls}/ca.crt`, "nothing")],
])("an authority is not replaced without a word when %s", async (_, damage) => {
  await open();
  await damage(directory.resolve("tls"));
  await expect(open()).rejects.toMatchObject({
    code: "OPTION_INVALID",
    hint: expect.stringContaining("clients have to trust"),
  });
});

test("a start that was ended between key and certificate is gone on with", async () => {
  await open();
  const key = await fileOf("ca.key");
  await rm(directory.resolve("tls", "ca.crt"));
  await open();
  expect(await fileOf("ca.key")).toBe(key);
});

test.each(["mirror.lan:5000", "http://mirror.lan", "a_b", ""])(
  "a name that is none is refused: %j",
  async (name) => {
    await expect(open(0, [name])).rejects.toThrow(/neither a host name nor an address/);
  },
);
