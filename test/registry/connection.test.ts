import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { beforeAll, expect } from "vitest";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import { createCertificate } from "../support/certificate.ts";
import { createFakeClock } from "../support/clock.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { allTests } from "../support/fixture.ts";
import { openTempDirectory } from "../support/temp-directory.ts";
import { requireTool } from "../support/tool.ts";
import { blob, exists, found } from "./support/ask.ts";
import { startServer } from "./support/server.ts";

const { describe, test } = requireTool("openssl");

let certificate: Buffer;
let key: Buffer;

const directory = allTests(openTempDirectory);

beforeAll(async () => {
  const paths = await createCertificate(directory.path);
  certificate = await readFile(paths.certificatePath);
  key = await readFile(paths.keyPath);
});

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("a loopback host", () => {
  test("is asked by plain HTTP", async () => {
    await using server = await startServer(found);
    expect(await exists(server.host)).toBe(true);
    expect(server.seen).toHaveLength(1);
  });

  test("is asked by HTTPS when it speaks that, with its certificate", async () => {
    await using server = await startServer(found, { key, cert: certificate });
    expect(await exists(server.host, { ca: [certificate.toString()] })).toBe(true);
    expect(await exists(server.host, { tlsSkipVerify: true })).toBe(true);
  });

  test("is asked by HTTPS when it answers plain HTTP with a complaint", async () => {
    const { path } = directory;
    const tls = { certificatePath: `${path}/certificate.pem`, keyPath: `${path}/key.pem` };
    await using registry = await startDockerRegistry({ tls });
    await using client = openRegistryClient({ ca: [certificate.toString()] });
    const repository = client.repository({ registry: registry.host, repository: "acme/web" });
    expect(await repository.exists(blob.expected)).toBe(false);
    expect((await repository.push(blob.expected, blob.open)).outcome).toBe("uploaded");
  });

  test("is not trusted with a certificate that nobody vouches for", async () => {
    await using server = await startServer(found, { key, cert: certificate });
    const failure = await exists(server.host);
    expect(failure).toMatchObject({ code: "REGISTRY_UNREACHABLE", reason: "certificate" });
    expect(failure).toMatchObject({ hint: expect.stringMatching(/`caFiles`.*`tlsSkipVerify`/) });
    expect(server.seen).toEqual([]);
  });
});

describe("a host", () => {
  test("is asked over connections that stay open, also after HEAD", async () => {
    await using server = await startServer(found);
    await using client = openRegistryClient();
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    for (let count = 0; count < 20; count += 1) await repository.exists(blob.expected);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test("that refuses connections is tried three times and named", async () => {
    const clock = createFakeClock();
    const failure = await exists(`127.0.0.1:${await closedPort()}`, { clock });
    expect(failure).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason: "refused",
      message: expect.stringContaining("127.0.0.1"),
      hint: expect.any(String),
    });
    expect(clock.sleeps).toHaveLength(2);
  });

  test("that has no address is named with the reason", async () => {
    expect(await exists("no-such-registry.invalid")).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason: "dns",
    });
  });

  test("that speaks something else is named with the reason", async () => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      socket.end("SSH-2.0-OpenSSH_9.2\r\n");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    expect(await exists(`127.0.0.1:${port}`)).toMatchObject({
      code: "REGISTRY_UNREACHABLE",
      reason: "protocol",
    });
    await new Promise((resolve) => server.close(resolve));
  });

  test("keeps the cause of the failure", async () => {
    const failure = (await exists(`127.0.0.1:${await closedPort()}`)) as Error;
    expect(failure.cause).toBeInstanceOf(Error);
  });
});
