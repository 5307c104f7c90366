import { readFileSync } from "node:fs";
import { copyFile, writeFile } from "node:fs/promises";
import { request as httpsRequest, type RequestOptions } from "node:https";
import bcrypt from "bcryptjs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openServer, type ServerOptions } from "../../src/serve/open-server.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { image } from "../support/artifacts.ts";
import { createCertificate } from "../support/certificate.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { writeBundle } from "./support/bundles.ts";

let directory: TempDirectory;

beforeAll(async () => {
  directory = await openTempDirectory();
  await writeBundle(directory.resolve("bundle"), { "quay.io/acme/a:1": image() });
});

afterAll(() => directory?.[Symbol.asyncDispose]());

const open = (options: Partial<ServerOptions>) =>
  openServer({ bundlePaths: [directory.resolve("bundle")], port: 0, ...options });

const loginLine = (password: string) => `alice:${bcrypt.hashSync(password, 4)}\n`;

const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`,
});

describe("a server with logins", () => {
  test("asks for one, takes the right one, and reads the file again", async () => {
    const htpasswdFile = directory.resolve("htpasswd");
    await writeFile(htpasswdFile, loginLine("first"));
    await using server = await open({ htpasswdFile });
    const ask = async (headers = {}) => (await fetch(`${server.url}/v2/`, { headers })).status;
    const refused = await fetch(`${server.url}/v2/quay.io/acme/a/manifests/1`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe('Basic realm="mirror", charset="UTF-8"');
    expect(await refused.json()).toMatchObject({ errors: [{ code: "UNAUTHORIZED" }] });
    expect([await ask(), await ask(basic("wrong")), await ask(basic("first"))]).toEqual([
      ...[401, 401, 200],
    ]);
    await writeFile(htpasswdFile, loginLine("second"));
    await server.reload();
    expect([await ask(basic("first")), await ask(basic("second"))]).toEqual([401, 200]);
    await writeFile(htpasswdFile, "broken\n");
    await expect(server.reload()).rejects.toMatchObject({ code: "OPTION_INVALID" });
    expect(await ask(basic("second"))).toBe(200);
  });

  test("says without a login whether it is there", async () => {
    const htpasswdFile = directory.resolve("htpasswd");
    await writeFile(htpasswdFile, loginLine("first"));
    await using server = await open({ htpasswdFile });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
  });
});

describe("a server with a list of addresses", () => {
  test("refuses all others", async () => {
    await using server = await open({ allow: ["192.0.2.0/24"] });
    const response = await fetch(`${server.url}/v2/`);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ errors: [{ code: "DENIED" }] });
  });

  test("believes a proxy that is trusted about the client, and no other", async () => {
    const headers = { "x-forwarded-for": "192.0.2.7, 10.0.0.1" };
    const allow = ["192.0.2.0/24"];
    await using trusting = await open({ allow, trustProxy: ["127.0.0.0/8", "10.0.0.1"] });
    expect((await fetch(`${trusting.url}/v2/`, { headers })).status).toBe(200);
    // Whatever the client claims in front of what the proxy saw
    const claimed = { "x-forwarded-for": "192.0.2.7, 203.0.113.9" };
    expect((await fetch(`${trusting.url}/v2/`, { headers: claimed })).status).toBe(403);
    await using doubting = await open({ allow });
    expect((await fetch(`${doubting.url}/v2/`, { headers })).status).toBe(403);
  });

  test("is told of the client that a trusted proxy names, and of no other", async () => {
    const clientOf = async (trustProxy: string[], forwarded: string) => {
      const events: ServeEvent[] = [];
      await using server = await open({ trustProxy, onEvent: (event) => events.push(event) });
      await fetch(`${server.url}/v2/`, { headers: { "x-forwarded-for": forwarded } });
      await server.stop();
      return events.flatMap((event) => ("client" in event ? event.client : []));
    };
    const trusted = ["127.0.0.0/8", "10.0.0.1"];
    expect(await clientOf(trusted, "203.0.113.9, 192.0.2.7, 10.0.0.1")).toEqual(["192.0.2.7"]);
    expect(await clientOf(["10.0.0.1"], "192.0.2.7")).toEqual(["127.0.0.1"]);
  });

  test("does not listen before the whole list is understood", async () => {
    await expect(open({ allow: ["10.0.0.0/8", "nowhere"] })).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});

requireTool("openssl").describe("a server with a certificate", () => {
  test("R10: speaks HTTPS, and takes a new certificate while it runs", async () => {
    const { certificatePath, keyPath } = await createCertificate(directory.path);
    await using server = await open({ tlsCertFile: certificatePath, tlsKeyFile: keyPath });
    expect(server.url).toMatch(/^https:/);
    const ca = readFileSync(certificatePath);
    expect(await ask(server.url, { ca })).toBe(200);
    await using other = await openTempDirectory();
    const renewed = await createCertificate(other.path);
    await copyFile(renewed.certificatePath, certificatePath);
    await copyFile(renewed.keyPath, keyPath);
    await server.reload();
    await expect(ask(server.url, { ca })).rejects.toThrow();
    expect(await ask(server.url, { ca: readFileSync(certificatePath) })).toBe(200);
  });

  test("R10: refuses clients without a certificate when they have to have one", async () => {
    const { certificatePath, keyPath } = await createCertificate(directory.path);
    await using server = await open({
      tlsCertFile: certificatePath,
      tlsKeyFile: keyPath,
      clientCaFile: certificatePath,
    });
    const ca = readFileSync(certificatePath);
    await expect(ask(server.url, { ca })).rejects.toThrow();
    expect(await ask(server.url, { ca, cert: ca, key: readFileSync(keyPath) })).toBe(200);
  });

  test("is refused with half of what it takes", async () => {
    const { certificatePath } = await createCertificate(directory.path);
    await expect(open({ tlsCertFile: certificatePath })).rejects.toThrow(
      "Cannot use `tlsKeyFile`: a certificate and its key belong together",
    );
    await expect(open({ clientCaFile: certificatePath })).rejects.toThrow("only over TLS");
    await writeFile(directory.resolve("no.pem"), "no certificate");
    const broken = { tlsCertFile: directory.resolve("no.pem"), tlsKeyFile: certificatePath };
    await expect(open(broken)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

/** Each on a connection of its own. */
function ask(url: string, options: RequestOptions): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    httpsRequest(`${url}/v2/`, { ...options, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}
