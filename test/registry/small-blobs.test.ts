import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { PushContentOptions } from "../../src/store/store.ts";
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
