import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { RegistryClientOptions } from "../../src/registry/registry-client.ts";
import type { PushContentOptions, UploadSession } from "../../src/store/store.ts";
import type { Faults } from "../support/registry.ts";
import { blobOf } from "./support/content.ts";
import { IMPATIENT, type Session, startSession } from "./support/session.ts";

const KIB = 1024;
const MIB = 1024 * KIB;
const UPLOAD = /\/blobs\/uploads\/./;

const blob = blobOf(randomBytes(10 * MIB + 5));

function isStored({ registry }: Session, repository = "acme/web"): boolean {
  return registry.content.repository(repository).blobs.has(blob.expected.digest);
}

async function push(
  faults: Faults,
  options: PushContentOptions = {},
  clientOptions: RegistryClientOptions = {},
) {
  await using session = await startSession(faults, { partSizeBytes: 4 * MIB, ...clientOptions });
  const { expected, open } = blobOf(blob.bytes);
  const result = await session.repository.push(expected, open, options);
  expect(isStored(session)).toBe(true);
  const { log } = session.registry;
  return {
    ...result,
    events: session.events,
    parts: log.find("PATCH", UPLOAD).map(({ headers }) => headers["content-range"]),
    count: (method: string) => log.count(method, UPLOAD),
    log,
  };
}

describe("push()", () => {
  test("sends parts in order and the last bytes with the commit", async () => {
    const { outcome, sentBytes, parts, log } = await push({});
    expect({ outcome, sentBytes }).toEqual({ outcome: "uploaded", sentBytes: blob.bytes.length });
    expect(parts).toEqual([`0-${4 * MIB - 1}`, `${4 * MIB}-${8 * MIB - 1}`]);
    const [commit] = log.find("PUT", UPLOAD);
    expect(commit?.headers["content-length"]).toBe(String(2 * MIB + 5));
    expect(log.entries.every(({ headers }) => headers.accept === undefined)).toBe(true);
  });

  test("sends a small blob in one request after the POST", async () => {
    await using session = await startSession({ postDigest: "ignored" });
    const { expected, open } = blobOf(Buffer.from("small"));
    await session.repository.push(expected, open);
    const methods = session.registry.log.entries.map(({ method }) => method);
    expect(methods).toEqual(["HEAD", "POST", "PUT"]);
  });

  test("sends an empty blob", async () => {
    await using session = await startSession();
    const { expected, open } = blobOf(Buffer.alloc(0));
    expect(await session.repository.push(expected, open)).toMatchObject({ outcome: "uploaded" });
    expect(await session.repository.exists(expected)).toBe(true);
  });

  test("reads the content once and does not ask when the caller knows that it is missing", async () => {
    await using session = await startSession({}, { partSizeBytes: 4 * MIB });
    const { expected, open, opened } = blobOf(blob.bytes);
    await session.repository.push(expected, open, { isKnownMissing: true });
    expect(opened).toEqual([0]);
    expect(session.registry.log.count("HEAD")).toBe(0);
  });

  test.each<[string, Faults]>([
    ["parts are answered with 201", { patchStatus: 201 }],
    ["the Range lags", { patchStatus: 201, statusRange: "lagging" }],
    ["the Range covers the last part only", { statusRange: "part-relative" }],
    ["the Range is absent", { statusRange: "absent" }],
    ["the Range has a unit", { statusRange: "bytes" }],
    ["the Range is one too large", { statusRange: "bytes-exclusive" }],
    ["an empty session says 0--1", { emptyRange: "0--1" }],
    ["the Location is absolute", { location: "absolute" }],
    ["the Location is relative to the request", { location: "path-relative" }],
    ["the Location carries state", { stateToken: true }],
    ["parts have a minimum", { minPartBytes: 6 * MIB }],
  ])("sends every byte once when %s", async (_, faults) => {
    const { sentBytes } = await push(faults);
    expect(sentBytes).toBe(blob.bytes.length);
  });

  test.each<[string, Faults]>([
    ["without a unit", {}],
    ["with an exclusive end", { statusRange: "bytes-exclusive" }],
    ["with a unit", { statusRange: "bytes" }],
    ["without a Location", { statusLocation: "absent" }],
  ])("goes on where the registry is after a torn part, reported %s", async (_, faults) => {
    const cut = { dropUpload: { afterBytes: 2 * MIB, how: "reset", times: 1 } } as const;
    const { sentBytes, count } = await push({ ...faults, ...cut });
    expect(count("GET")).toBeGreaterThan(0);
    // the torn part and one that shows how the range is meant, not the blob
    expect(sentBytes).toBeLessThan(blob.bytes.length + 8 * MIB);
  });

  test.each<[string, Faults]>([
    ["state in the Location", { stateToken: true }],
    ["a session that dies with the connection", { abortedPatch: "deletes-session" }],
    ["no way to ask", { statusGet: 404 }],
    ["a status that is not allowed", { statusGet: 405 }],
  ])("recovers from a torn part with %s", async (_, faults) => {
    const cut = { dropUpload: { afterBytes: 3 * MIB, how: "reset", times: 1 } } as const;
    const { outcome } = await push({ ...faults, ...cut });
    expect(outcome).toBe("uploaded");
  });

  test("tells of each part how often it was sent", async () => {
    const cut = { dropUpload: { afterBytes: 2 * MIB, how: "reset", times: 1 } } as const;
    const { events } = await push(cut);
    const attempts = events.flatMap((event) =>
      event.type === "request" && event.method === "PATCH" ? event.attempt : [],
    );
    // The first was torn, the second shows where to go on; what follows is new
    expect(attempts.slice(0, 2)).toEqual([1, 2]);
    expect(attempts.at(-1)).toBe(1);
  });

  test("notices a connection that takes no more and goes on", async () => {
    const stall = { dropUpload: { afterBytes: MIB, how: "stall", times: 1 } } as const;
    const { outcome, events } = await push(stall, {}, IMPATIENT);
    expect(outcome).toBe("uploaded");
    expect(events).toContainEqual(expect.objectContaining({ type: "retrying", reason: "timeout" }));
  });

  test("says that it starts over when the registry has lost the session", async () => {
    const { events } = await push({ sessionLost: { after: 3 } });
    expect(events).toContainEqual(
      expect.objectContaining({
        type: "restarted",
        bytes: 8 * MIB,
        reason: expect.stringContaining("session"),
      }),
    );
  });

  test("sends the blob whole to a registry that refuses parts, and remembers", async () => {
    await using session = await startSession({ partLimitBytes: 1024 }, { partSizeBytes: 4 * MIB });
    const { expected, open } = blobOf(blob.bytes);
    await session.repository.push(expected, open);
    expect(isStored(session)).toBe(true);
    session.registry.log.clear();
    await session.open("other").push(expected, open);
    expect(session.registry.log.count("PATCH")).toBe(0);
  });

  test("sends parts of 4 MiB to a registry that answers 416 to larger ones", async () => {
    await using session = await startSession(
      { partLimitBytes: 4 * MIB },
      { partSizeBytes: 8 * MIB },
    );
    const { expected, open } = blobOf(blob.bytes);
    await session.repository.push(expected, open);
    expect(isStored(session)).toBe(true);
    const taken = session.registry.log.find("PATCH").filter(({ status }) => status === 202);
    expect(taken.length).toBeGreaterThan(0);
  });

  test("halves parts that a proxy finds too large", async () => {
    const { parts } = await push({ bodyLimit: { bytes: 1.5 * MIB, answer: 413 } });
    expect(parts.at(-1)).toBe(`${9 * MIB}-${10 * MIB - 1}`);
  });

  test("goes down to parts of 64 KiB if it has to", async () => {
    const { parts, sentBytes } = await push({ bodyLimit: { bytes: 64 * KIB, answer: 413 } });
    expect(parts.at(-1)).toBe(`${10 * MIB - 64 * KIB}-${10 * MIB - 1}`);
    expect(sentBytes).toBeLessThan(blob.bytes.length + 16 * MIB);
  });

  test("names the limit and who can raise it when no size is small enough", async () => {
    await using session = await startSession(
      { bodyLimit: { bytes: 1000, answer: 413 } },
      { partSizeBytes: 4 * MIB },
    );
    const { expected, open } = blobOf(blob.bytes);
    await expect(session.repository.push(expected, open)).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      status: 413,
      message: expect.stringMatching(
        new RegExp(`^Registry "${session.registry.host}", .* no request body of ${64 * KIB} bytes`),
      ),
      hint: expect.stringContaining("client_max_body_size"),
    });
  });

  test("looks before it repeats a commit whose answer was lost", async () => {
    const { sentBytes, count } = await push({ commitReset: { times: 1 } });
    expect(sentBytes).toBe(blob.bytes.length);
    expect(count("PUT")).toBe(1);
  });

  test.each([429, 503] as const)("waits out a %i", async (status) => {
    const refusal = { times: 3, after: 2, retryAfter: { seconds: 7 } };
    const { outcome } = await push(
      status === 429 ? { tooManyRequests: refusal } : { unavailable: refusal },
    );
    expect(outcome).toBe("uploaded");
  });

  test("waits out a 403 that names a time", async () => {
    const refusal = { times: 3, after: 2, retryAfter: { seconds: 7 }, as: "denied" } as const;
    const { outcome } = await push({ tooManyRequests: refusal });
    expect(outcome).toBe("uploaded");
  });

  test("blames the content when that is what fails", async () => {
    await using session = await startSession();
    const { expected } = blob;
    const { open } = blobOf(blob.bytes.subarray(0, MIB));
    await expect(session.repository.push(expected, open)).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
    });
    const broken = () => {
      throw new Error("medium was pulled out");
    };
    await expect(session.repository.push(expected, broken)).rejects.toThrow("pulled out");
    expect(session.events.filter(({ type }) => type !== "request")).toEqual([]);
  });

  test("sends smaller parts where a front end cuts off larger ones, and remembers", async () => {
    await using session = await startSession(
      { bodyLimit: { bytes: 1.5 * MIB, answer: "reset" } },
      { partSizeBytes: 4 * MIB },
    );
    const { expected, open } = blobOf(blob.bytes);
    await session.repository.push(expected, open);
    expect(isStored(session)).toBe(true);
    session.registry.log.clear();
    await session.open("other").push(expected, open);
    const parts = session.registry.log.find("PATCH");
    const sizes = new Set(parts.map(({ headers }) => headers["content-length"]));
    expect(sizes).toEqual(new Set([String(MIB)]));
  });

  test("keeps the size of parts when the network fails now and then", async () => {
    const cut = { afterBytes: 2 * MIB, how: "reset", times: 2 } as const;
    const { parts } = await push({ dropUpload: cut });
    expect(parts.at(-1)).toMatch(new RegExp(`-${8 * MIB - 1}$`));
  });

  test("reports progress up to the last byte", async () => {
    const progress: number[] = [];
    await push({}, { onProgress: (sent) => progress.push(sent) });
    expect(progress.at(-1)).toBe(blob.bytes.length);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });
});

describe("push() with mountFrom", () => {
  test("mounts what the other repository has", async () => {
    await using session = await startSession();
    session.seed(blob);
    const result = await session
      .open("other")
      .push(blob.expected, blob.open, { mountFrom: "acme/web" });
    expect(result).toEqual({ outcome: "mounted", sentBytes: 0 });
    expect(session.registry.log.entries.map(({ method }) => method)).toEqual(["POST"]);
  });

  test("uses the session that a refused mount has opened", async () => {
    await using session = await startSession({ mount: 202 });
    session.seed(blob);
    const options = { mountFrom: "acme/web" };
    const result = await session.open("other").push(blob.expected, blob.open, options);
    expect(result.outcome).toBe("uploaded");
    expect(session.registry.log.count("POST")).toBe(1);
  });

  test.each([401, 403, 404, 405] as const)("sends the blob when a mount gets %i", async (mount) => {
    await using session = await startSession({ mount });
    session.seed(blob);
    const options = { mountFrom: "acme/web" };
    const result = await session.open("other").push(blob.expected, blob.open, options);
    expect(result.outcome).toBe("uploaded");
  });
});

describe("push() with a session store", () => {
  function createStore(saved: (UploadSession | undefined)[] = []) {
    const store = {
      load: () => saved.at(-1),
      save: async (session: UploadSession | undefined) => {
        saved.push(session);
      },
    };
    return { store, saved };
  }

  test("finishes the part in flight after an abort, and the next run goes on behind it", async () => {
    await using session = await startSession({}, { partSizeBytes: 4 * MIB });
    const { store, saved } = createStore();
    const controller = new AbortController();
    const onProgress = (sent: number) => {
      if (sent > 5 * MIB) controller.abort(new Error("interrupted"));
    };
    const { expected, open } = blobOf(blob.bytes);
    const options = { session: store, signal: controller.signal, onProgress };
    await expect(session.repository.push(expected, open, options)).rejects.toThrow("interrupted");
    expect(saved.at(-1)?.offset).toBe(8 * MIB);

    const result = await session.repository.push(expected, open, { session: store });
    expect(result).toMatchObject({
      outcome: "uploaded",
      resumedBytes: 8 * MIB,
      sentBytes: 2 * MIB + 5,
    });
    expect(saved.at(-1)).toBeUndefined();
  });

  test("starts over when the registry no longer knows the session", async () => {
    await using session = await startSession({}, { partSizeBytes: 4 * MIB });
    const location = `http://${session.registry.host}/v2/acme/web/blobs/uploads/gone`;
    const { store } = createStore([
      { location, offset: 4 * MIB, startedAt: new Date().toISOString() },
    ]);
    const { expected, open } = blobOf(blob.bytes);
    const result = await session.repository.push(expected, open, { session: store });
    expect(result.sentBytes).toBe(blob.bytes.length);
    expect(session.events).toContainEqual(
      expect.objectContaining({ type: "restarted", bytes: 4 * MIB }),
    );
  });

  test("does not go where a session leads that is not of this registry", async () => {
    await using session = await startSession({}, { partSizeBytes: 4 * MIB });
    const location = `http://${session.registry.other.host}/v2/acme/web/blobs/uploads/x`;
    const { store } = createStore([
      { location, offset: 4 * MIB, startedAt: new Date().toISOString() },
    ]);
    const { expected, open } = blobOf(blob.bytes);
    await session.repository.push(expected, open, { session: store });
    expect(isStored(session)).toBe(true);
    expect(session.registry.other.log.entries).toEqual([]);
  });

  test("cancels its session on failure when nobody keeps it", async () => {
    await using session = await startSession({}, { partSizeBytes: 4 * MIB });
    const controller = new AbortController();
    const onProgress = (sent: number) => {
      if (sent > 5 * MIB) controller.abort(new Error("interrupted"));
    };
    const { expected, open } = blobOf(blob.bytes);
    const options = { signal: controller.signal, onProgress };
    await expect(session.repository.push(expected, open, options)).rejects.toThrow("interrupted");
    expect(session.registry.log.count("DELETE", UPLOAD)).toBe(1);
  });
});
