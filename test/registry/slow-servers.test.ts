import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { openRegistryClient } from "../../src/registry/registry-client.ts";
import type { RegistryEvent } from "../../src/registry/registry-event.ts";
import { createFakeClock } from "../support/clock.ts";
import { MARKER, refuseSecrets } from "../support/secrets.ts";
import { blobOf } from "./support/content.ts";
import { type Answer, send, startServer } from "./support/server.ts";
import { startSession } from "./support/session.ts";

const blob = blobOf(Buffer.alloc(5_000, "x"));
type Repository = ReturnType<ReturnType<typeof openRegistryClient>["repository"]>;

async function attempt(answer: Answer, use: (repository: Repository) => Promise<unknown>) {
  await using server = await startServer(answer);
  const clock = createFakeClock();
  await using client = openRegistryClient({
    clock,
    env: {},
    stallTimeoutMs: 400,
    lowestBytesPerSecond: 1_000,
    retryTimeoutMs: 0,
  });
  const repository = client.repository({ registry: server.host, repository: "acme/web" });
  return await use(repository).catch((error: unknown) => error);
}

/** Does something every few milliseconds until the connection is closed. */
const dripping =
  (drip: (response: Parameters<Answer>[1], count: number) => void): Answer =>
  (_, response) => {
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      drip(response, count);
    }, 20);
    response.once("close", () => clearInterval(timer));
  };

const TIMEOUT = { code: "REGISTRY_UNREACHABLE", reason: "timeout" };

describe("a server that drips is given up", () => {
  test("with headers a few bytes at a time", async () => {
    const answer = dripping((response, count) => {
      const { socket } = response;
      if (count === 1) socket?.write("HTTP/1.1 200 OK\r\n");
      else socket?.write(`x-${count}: 1\r\n`);
    });
    expect(await attempt(answer, (repository) => repository.fetchManifest("v1"))).toMatchObject(
      TIMEOUT,
    );
  });

  test("with early hints without end", async () => {
    const answer = dripping((response) => response.writeEarlyHints({ link: "</a>; rel=preload" }));
    expect(await attempt(answer, (repository) => repository.fetchManifest("v1"))).toMatchObject(
      TIMEOUT,
    );
  });

  test("with a document a byte at a time", async () => {
    const answer = dripping((response) => response.write(" "));
    expect(await attempt(answer, (repository) => repository.fetchManifest("v1"))).toMatchObject(
      TIMEOUT,
    );
  });

  test("with content a byte at a time", async () => {
    const answer = dripping((response) => response.write("x"));
    const fetch = async (repository: Repository) => buffer(await repository.fetch(blob.expected));
    expect(await attempt(answer, fetch)).toMatchObject(TIMEOUT);
  });
});

describe("of each request", () => {
  const requestsOf = (events: readonly RegistryEvent[]) =>
    events.filter((event) => event.type === "request");

  test("method, path, status, bytes, milliseconds, attempt and connection are told", async () => {
    await using session = await startSession({ unavailable: { after: 1, times: 1 } });
    session.seed(blob);
    await buffer(await session.repository.fetch(blob.expected));
    await buffer(await session.repository.fetch(blob.expected));
    const path = `/v2/acme/web/blobs/${blob.expected.digest}`;
    const common = {
      method: "GET",
      path,
      sentBytes: 0,
      milliseconds: expect.any(Number),
      connection: expect.any(Number),
    };
    expect(requestsOf(session.events)).toMatchObject([
      { ...common, status: 200, receivedBytes: 5_000, attempt: 1 },
      { ...common, status: 503, attempt: 1 },
      { ...common, status: 200, receivedBytes: 5_000, attempt: 2 },
    ]);
  });

  test("bytes that were sent are told", async () => {
    await using session = await startSession();
    await session.repository.push(blob.expected, blob.open);
    const puts = requestsOf(session.events).filter(({ method }) => method === "PUT");
    expect(puts).toMatchObject([{ status: 201, sentBytes: 5_000 }]);
  });

  test("nothing secret is told, of storage with a signed address either", async () => {
    await using storage = await startServer((_, response) => send(response, 200, {}, blob.bytes));
    await using server = await startServer((_, response) => {
      send(response, 307, { location: `http://${storage.host}/x?X-Amz-Signature=${MARKER}` });
    });
    const events: RegistryEvent[] = [];
    await using client = openRegistryClient({ env: {}, onEvent: (event) => events.push(event) });
    const repository = client.repository({ registry: server.host, repository: "acme/web" });
    await buffer(await repository.fetch(blob.expected));
    refuseSecrets(JSON.stringify(events), "events of requests");
    expect(requestsOf(events)).toMatchObject([
      { status: 307 },
      { status: 200, path: `http://${storage.host}/x?X-Amz-Signature=REDACTED` },
    ]);
  });

  test("that gets no answer it is told that there was none", async () => {
    await using session = await startSession({ refuseConnection: { times: 1, how: "reset" } });
    await session.repository.exists(blob.expected);
    expect(requestsOf(session.events)[0]?.status).toBeUndefined();
  });
});
