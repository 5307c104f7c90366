import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCredentials } from "../../../src/registry/auth/create-credentials.ts";
import {
  openRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from "../../../src/registry/registry-client.ts";
import type { FetchFileOptions } from "../../../src/store/store.ts";
import { createFakeClock } from "../../support/clock.ts";
import { openTempDirectory, type TempDirectory } from "../../support/temp-directory.ts";
import { requireTool } from "../../support/tool.ts";
import { createAuthority } from "../support/authority.ts";
import { startProxy } from "../support/proxy.ts";
import { type Answer, send, startServer } from "../support/server.ts";

const TEXT = "apiVersion: v1\n";

let directory: TempDirectory;
let clients: RegistryClient[];

beforeEach(async () => {
  directory = await openTempDirectory();
  clients = [];
});

afterEach(async () => {
  for (const client of clients) await client[Symbol.asyncDispose]();
  await directory[Symbol.asyncDispose]();
});

function open(options: RegistryClientOptions = {}): RegistryClient {
  const client = openRegistryClient({ clock: createFakeClock(), certsDirectories: [], ...options });
  clients.push(client);
  return client;
}

const fetchFile = async (
  client: RegistryClient,
  address: string,
  options: Partial<FetchFileOptions> = {},
) => {
  const answer = await client.web.fetchFile(new URL(address), { limitBytes: 1000, ...options });
  return typeof answer === "object" ? { ...answer, bytes: answer.bytes.toString() } : answer;
};

const loginAt = (registry: string) =>
  createCredentials({ registry, login: "ada", password: "swordfish", env: {} });

/** Gives the file to one user, and answers everybody else with a status. */
const privately =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (request, response) =>
    request.headers.authorization === `Basic ${Buffer.from("ada:swordfish").toString("base64")}`
      ? send(response, 200, {}, TEXT)
      : send(response, status, headers);

describe("a file of a web server", () => {
  test("comes with its version, and is unchanged where the server says so", async () => {
    const versions = { etag: '"1"', "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" };
    await using server = await startServer(({ headers }, response) =>
      headers["if-none-match"] === '"1"'
        ? send(response, 304)
        : send(response, 200, versions, TEXT),
    );
    const client = open();
    const first = await fetchFile(client, `http://${server.host}/index.yaml`);
    const version = { etag: '"1"', lastModified: versions["last-modified"] };
    expect(first).toEqual({ bytes: TEXT, version });
    const known = { known: version };
    expect(await fetchFile(client, `http://${server.host}/index.yaml`, known)).toBe("unchanged");
    expect(server.seen[1]?.headers["if-modified-since"]).toBe(versions["last-modified"]);
  });

  test.each([404, 410])(
    "that is not there (%i) is undefined, and no API is asked for",
    async (status) => {
      await using server = await startServer((_, response) => send(response, status));
      expect(await fetchFile(open(), `http://${server.host}/x.tgz.prov`)).toBeUndefined();
      expect(server.seen.map(({ url }) => url)).toEqual(["/x.tgz.prov"]);
    },
  );

  test("larger than the limit is refused, whatever it announces", async () => {
    await using server = await startServer((_, response) =>
      send(response, 200, { "transfer-encoding": "chunked" }, Buffer.alloc(2000)),
    );
    await expect(fetchFile(open(), `http://${server.host}/x`)).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("larger than 1000 bytes"),
    });
  });

  test("is asked for again where its connection breaks off", async () => {
    let tries = 0;
    await using server = await startServer((_, response) => {
      tries += 1;
      response.writeHead(200, { "content-length": String(TEXT.length) });
      if (tries > 1) response.end(TEXT);
      else response.write(TEXT.slice(0, 3), () => response.destroy());
    });
    expect(await fetchFile(open(), `http://${server.host}/x`)).toMatchObject({ bytes: TEXT });
  });

  test.each([
    ["says how to log in", privately(401, { "www-authenticate": 'Basic realm="x"' })],
    ["does not say how", privately(401)],
    ["forbids what it hides", privately(403)],
    ["hides it", privately(404)],
  ])("comes with the login of its host from a server that %s", async (_what, answer) => {
    await using server = await startServer(answer);
    const client = open({ credentials: loginAt(server.host) });
    expect(await fetchFile(client, `http://${server.host}/x`)).toMatchObject({ bytes: TEXT });
  });

  test("on another host than the one that names it is asked for without any login", async () => {
    await using thief = await startServer(
      privately(401, { "www-authenticate": 'Basic realm="x"' }),
    );
    await using server = await startServer((_, response) => send(response, 200, {}, TEXT));
    const client = open({ credentials: loginAt(thief.host) });
    const namedBy = new URL(`http://${server.host}/index.yaml`);
    await expect(fetchFile(client, `http://${thief.host}/x`, { namedBy })).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
    });
    expect(thief.seen.map(({ headers }) => headers.authorization)).toEqual([undefined]);
  });

  test("is not looked for where only machines inside a cloud can look", async () => {
    await using server = await startServer((_, response) => send(response, 200, {}, TEXT));
    const namedBy = new URL(`http://${server.host}/index.yaml`);
    const inner = "http://169.254.169.254/latest/meta-data";
    await expect(fetchFile(open(), inner, { namedBy })).rejects.toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason: "inward",
    });
  });
});

requireTool("openssl").describe("by HTTPS", () => {
  test("is trusted by the authorities of registries, and leads nowhere by plain HTTP", async () => {
    const authority = await createAuthority(directory.path);
    const { cert, key } = await authority.issue("charts");
    await using server = await startServer((_, response) => send(response, 200, {}, TEXT), {
      cert,
      key,
    });
    const index = `https://${server.host}/index.yaml`;
    await expect(fetchFile(open(), index)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    const client = open({ caFiles: [authority.certificatePath] });
    expect(await fetchFile(client, index)).toMatchObject({ bytes: TEXT });
    await using plain = await startServer((_, response) => send(response, 200, {}, TEXT));
    const namedBy = new URL(index);
    await expect(fetchFile(client, `http://${plain.host}/x`, { namedBy })).rejects.toMatchObject({
      message: expect.stringContaining("its address is plain HTTP"),
    });
    expect(plain.seen).toEqual([]);
  });

  test("comes through the proxy that registries are asked through", async () => {
    const authority = await createAuthority(directory.path);
    const certificate = await authority.issue("charts", { names: "DNS:charts.test" });
    await using server = await startServer((_, response) => send(response, 200, {}, TEXT));
    await using proxy = await startProxy({ tunnelTo: { ...certificate, host: server.host } });
    const env = { HTTPS_PROXY: `http://${proxy.host}` };
    const client = open({ caFiles: [authority.certificatePath], env });
    expect(await fetchFile(client, "https://charts.test/index.yaml")).toMatchObject({
      bytes: TEXT,
    });
    expect(proxy.seen[0]?.line).toBe("CONNECT charts.test:443");
  });
});
