import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PushContentOptions } from "../../src/store/store.ts";
import type { Faults } from "../support/registry.ts";
import { blobOf } from "./support/content.ts";
import { type Session, startSession } from "./support/session.ts";

const KIB = 1024;

async function pushHeld({ repository }: Session, bytes: Buffer, options: PushContentOptions = {}) {
  const { expected, open } = blobOf(bytes);
  const result = await repository.push(expected, open, { readAll: async () => bytes, ...options });
  return { ...result, expected };
}

const countAll = ({ registry }: Session) =>
  Object.fromEntries(["HEAD", "POST", "PUT"].map((method) => [method, registry.log.count(method)]));

/** So many that a registry which takes whole blobs makes up for one that may be sent twice. */
async function pushMany(session: Session): Promise<void> {
  for (let count = 0; count < 64; count += 1) {
    expect(await pushHeld(session, randomBytes(10))).toMatchObject({ sentBytes: 10 });
  }
  session.registry.log.clear();
}

describe("a blob that is held in memory", () => {
  test("goes with one request where the registry takes it so and many have gone before", async () => {
    await using session = await startSession();
    await pushMany(session);
    const { expected, ...result } = await pushHeld(session, randomBytes(KIB));
    expect(result).toEqual({ outcome: "uploaded", sentBytes: KIB });
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 1, PUT: 0 });
    expect(await session.repository.exists(expected)).toBe(true);
  });

  test("goes on in the upload that a registry opens instead, and the next ones go so at once", async () => {
    await using session = await startSession({ postDigest: "ignored" });
    await pushMany(session);
    const first = await pushHeld(session, randomBytes(KIB));
    expect(first).toMatchObject({ outcome: "uploaded", sentBytes: 2 * KIB });
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 1, PUT: 1 });
    const second = await pushHeld(session, randomBytes(KIB));
    expect(second).toMatchObject({ outcome: "uploaded", sentBytes: KIB });
    expect(countAll(session)).toEqual({ HEAD: 2, POST: 2, PUT: 2 });
  });

  test("is not tried out on a registry that may not take it, if it is large or empty", async () => {
    await using session = await startSession({ postDigest: "ignored" });
    await pushMany(session);
    for (const length of [0, 5 * KIB]) {
      expect(await pushHeld(session, randomBytes(length))).toMatchObject({ sentBytes: length });
    }
  });

  test("is not sent when it cannot be read", async () => {
    await using session = await startSession();
    const failing = { readAll: () => Promise.reject(new Error("the medium is gone")) };
    await expect(pushHeld(session, randomBytes(KIB), failing)).rejects.toThrow(
      "the medium is gone",
    );
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 0, PUT: 0 });
  });
});

describe("small blobs", () => {
  test("are each asked for: what is there is not sent, wherever it comes among others", async () => {
    await using session = await startSession();
    for (let count = 0; count < 40; count += 1) {
      const isThere = count % 13 === 12;
      const blob = blobOf(randomBytes(100));
      if (isThere) session.seed(blob);
      expect(await pushHeld(session, blob.bytes)).toMatchObject({ sentBytes: isThere ? 0 : 100 });
    }
    expect(session.registry.log.count("HEAD")).toBe(40);
  });
});

/** Takes no blob with one request. */
const TWO_STEPS: Faults = { postDigest: "ignored" };

/** Pushes as a run does, which looks for what was sent. */
async function pushAndLook(session: Session, bytes: Buffer) {
  const { expected, ...result } = await pushHeld(session, bytes);
  expect(await session.repository.exists(expected)).toBe(true);
  return result;
}

/** So many blobs that are missing that the next question is one by mount, if it ever is. */
async function pushMissing(session: Session): Promise<void> {
  for (let count = 0; count < 66; count += 1) await pushAndLook(session, randomBytes(10));
  session.registry.log.clear();
}

describe("a small blob behind many that were missing", () => {
  test("is asked for with the request that opens its upload", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    for (let count = 0; count < 3; count += 1) {
      expect(await pushAndLook(session, randomBytes(KIB))).toMatchObject({ sentBytes: KIB });
    }
    expect(countAll(session)).toEqual({ HEAD: 3, POST: 3, PUT: 3 });
  });

  test("is not sent if it is there, and the next one is asked for without an upload again", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    const [first, second] = [blobOf(randomBytes(KIB)), blobOf(randomBytes(KIB))];
    for (const blob of [first, second]) {
      session.seed(blob);
      const result = await pushHeld(session, blob.bytes);
      expect(result).toMatchObject({ outcome: "already-there", sentBytes: 0 });
    }
    expect(countAll(session)).toEqual({ HEAD: 2, POST: 1, PUT: 0 });
  });

  test("is sent if it is there in another length, which a mount does not tell", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    const blob = blobOf(randomBytes(KIB));
    session.seed({ ...blob, bytes: blob.bytes.subarray(1) });
    expect(await pushHeld(session, blob.bytes)).toMatchObject({ outcome: "uploaded" });
    session.registry.log.clear();
    await pushAndLook(session, randomBytes(KIB));
    expect(countAll(session)).toEqual({ HEAD: 2, POST: 1, PUT: 1 });
  });

  test.each([202, 401, 403, 404, 405] as const)(
    "is not sent if it is there, at a registry that answers %i to mounts",
    async (mount) => {
      await using session = await startSession({ ...TWO_STEPS, mount });
      await pushMissing(session);
      const blob = blobOf(randomBytes(KIB));
      session.seed(blob);
      expect(await pushHeld(session, blob.bytes)).toMatchObject({ outcome: "already-there" });
      expect(await pushAndLook(session, randomBytes(KIB))).toMatchObject({ sentBytes: KIB });
      expect(countAll(session)).toEqual({ HEAD: 3, POST: 1, PUT: 1 });
    },
  );

  test("is asked for in each repository as that one answers", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    const other = { ...session, repository: session.open("acme/other") };
    await pushAndLook(other, randomBytes(KIB));
    expect(countAll(session)).toEqual({ HEAD: 2, POST: 1, PUT: 1 });
  });

  test("is asked for without an upload once a mount was refused", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    session.registry.setFaults({ ...TWO_STEPS, mount: 405 });
    for (let count = 0; count < 2; count += 1) {
      expect(await pushAndLook(session, randomBytes(KIB))).toMatchObject({ sentBytes: KIB });
    }
    const mounts = session.registry.log.entries.filter(({ query }) => query.includes("mount"));
    expect(mounts).toHaveLength(1);
    expect(countAll(session)).toEqual({ HEAD: 4, POST: 3, PUT: 2 });
  });

  test("is asked for without an upload if it is not held", async () => {
    await using session = await startSession(TWO_STEPS);
    await pushMissing(session);
    const { expected, open } = blobOf(randomBytes(KIB));
    expect(await session.repository.push(expected, open)).toMatchObject({ sentBytes: KIB });
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 1, PUT: 1 });
  });
});
