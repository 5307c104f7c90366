import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Faults } from "../support/registry.ts";
import { BROKEN_BODIES } from "./support/broken-bodies.ts";
import { blobOf } from "./support/content.ts";
import { IMPATIENT, startSession } from "./support/session.ts";

const MIB = 1024 * 1024;
const blob = blobOf(randomBytes(4 * MIB + 17));

async function fetchAll(faults: Faults, offset = 0) {
  const stalls = faults.drop?.how === "stall";
  await using session = await startSession(faults, stalls ? IMPATIENT : {});
  session.seed(blob);
  const body = await session.repository.fetch(blob.expected, { offset });
  const bytes = await buffer(body);
  return {
    isRight: bytes.equals(blob.bytes.subarray(offset)),
    requests: session.registry.log.find("GET", /\/blobs\//),
    events: session.events,
  };
}

describe("fetch()", () => {
  test("asks once for a whole blob, without a range", async () => {
    const { isRight, requests } = await fetchAll({});
    expect(isRight).toBe(true);
    expect(requests).toHaveLength(1);
    expect(requests[0]?.headers.range).toBeUndefined();
    expect(requests[0]?.headers["accept-encoding"]).toBe("identity");
    expect(requests[0]?.headers.accept).toBeUndefined();
  });

  test("asks for the rest with a closed range", async () => {
    const { isRight, requests } = await fetchAll({ range: "open-refused" }, MIB);
    expect(isRight).toBe(true);
    expect(requests.map(({ headers }) => headers.range)).toEqual([`bytes=${MIB}-${4 * MIB + 16}`]);
  });

  test.each<readonly [string, Faults]>([
    ...BROKEN_BODIES,
    ["is reset", { drop: { afterBytes: 2 * MIB, how: "reset", times: 1 } }],
  ])("goes on inside the stream when the body %s", async (_, faults) => {
    const { isRight, requests, events } = await fetchAll(faults);
    expect(isRight).toBe(true);
    const ranges = requests.slice(1).map(({ headers }) => headers.range);
    expect(ranges.length).toBeGreaterThan(0);
    for (const range of ranges) expect(range).toMatch(/^bytes=[1-9]\d*-\d+$/);
    expect(events.map(({ type }) => type)).toContain("retrying");
  });

  test("asks the registry for another address where storage refuses one", async () => {
    const { isRight, requests } = await fetchAll({ redirect: { expired: 2 } });
    expect(isRight).toBe(true);
    expect(requests.filter(({ status }) => status === 307)).toHaveLength(3);
  });

  test("gives up soon where storage refuses every address", async () => {
    await using session = await startSession({ redirect: { expired: true } });
    session.seed(blob);
    await expect(session.repository.fetch(blob.expected)).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
    });
    const sent = session.registry.log.find("GET", /\/blobs\//);
    expect(sent.filter(({ status }) => status === 307)).toHaveLength(3);
  });

  test.each<[string, Faults]>([
    ["ignored", { range: "ignored" }],
    ["answered from the start", { range: "from-zero" }],
    ["answered without Content-Range", { range: "no-header" }],
    ["refused", { range: "refused" }],
  ])("skips what it has when a range is %s, and says so", async (_, faults) => {
    const { isRight, events } = await fetchAll(faults, 3 * MIB);
    expect(isRight).toBe(true);
    expect(events).toContainEqual(expect.objectContaining({ type: "restarted", bytes: 3 * MIB }));
  });

  test("does not wait for the body of a 416 that never comes", async () => {
    await using session = await startSession({ range: "wrong-length-of-416" });
    session.seed(blob);
    const short = { ...blob.expected, size: 8 * MIB };
    const failure = await session.repository
      .fetch(short, { offset: 6 * MIB })
      .catch((error) => error);
    expect(failure).toMatchObject({ code: "CONTENT_MISMATCH" });
  });

  test("refuses a blob of another size before reading it", async () => {
    await using session = await startSession();
    session.seed(blob);
    const lying = { ...blob.expected, size: 100 };
    await expect(session.repository.fetch(lying)).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
    });
  });

  test("rejects for a missing blob, once asked", async () => {
    await using session = await startSession();
    await expect(session.repository.fetch(blob.expected)).rejects.toMatchObject({
      code: "REGISTRY_NOT_FOUND",
      status: 404,
    });
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("ends with the reason of an abort, and asks no more", async () => {
    await using session = await startSession({ drop: { afterBytes: MIB, how: "stall" } });
    session.seed(blob);
    const controller = new AbortController();
    const body = await session.repository.fetch(blob.expected, { signal: controller.signal });
    body.once("data", () => controller.abort(new Error("enough")));
    await expect(buffer(body)).rejects.toThrow("enough");
    expect(session.registry.log.entries).toHaveLength(1);
  });

  test("gives up when nothing more comes for the retry time-out", async () => {
    await using session = await startSession({ drop: { afterBytes: 0, how: "reset" } });
    session.seed(blob);
    const start = session.clock.now();
    const body = await session.repository.fetch(blob.expected);
    await expect(buffer(body)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
    const waited = session.clock.now() - start;
    expect(waited).toBeGreaterThan(10 * 60_000);
    expect(waited).toBeLessThanOrEqual(15 * 60_000);
  });

  test("waits while as many connections are in use as there may be", async () => {
    await using session = await startSession({}, { concurrency: 1 });
    session.seed(blob);
    const body = await session.repository.fetch(blob.expected);
    let isAnswered = false;
    const second = session.repository.exists(blob.expected).then(() => {
      isAnswered = true;
    });
    // Another client is answered many times meanwhile
    for (let count = 0; count < 50; count++) {
      await (await fetch(`http://${session.registry.host}/v2/`)).text();
    }
    expect(isAnswered).toBe(false);
    await buffer(body);
    await second;
  });

  test("frees its connection when the reader stops", async () => {
    await using session = await startSession({}, { concurrency: 1 });
    session.seed(blob);
    const body = await session.repository.fetch(blob.expected);
    body.destroy();
    expect(await session.repository.exists(blob.expected)).toBe(true);
  });
});

describe("exists()", () => {
  test.each<[string, Faults]>([
    ["HEAD is not allowed", { head: { answer: 405 } }],
    ["HEAD is an error of the server", { head: { answer: 500 } }],
    ["HEAD has no length", { head: { answer: "no-length" } }],
    ["storage is elsewhere", { redirect: {} }],
  ])("finds a blob when %s", async (_, faults) => {
    await using session = await startSession(faults);
    session.seed(blob);
    expect(await session.repository.exists(blob.expected)).toBe(true);
    expect(await session.repository.exists(blobOf(Buffer.from("other")).expected)).toBe(false);
  });
});
