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

describe("a blob that is held in memory", () => {
  test("goes with one request where the registry takes it so", async () => {
    await using session = await startSession();
    const { expected, ...result } = await pushHeld(session, randomBytes(KIB));
    expect(result).toEqual({ outcome: "uploaded", sentBytes: KIB });
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 1, PUT: 0 });
    expect(await session.repository.exists(expected)).toBe(true);
  });

  test("goes on in the upload that a registry opens instead, and the next ones go so at once", async () => {
    await using session = await startSession({ postDigest: "ignored" });
    const first = await pushHeld(session, randomBytes(KIB));
    expect(first).toMatchObject({ outcome: "uploaded", sentBytes: 2 * KIB });
    expect(countAll(session)).toEqual({ HEAD: 1, POST: 1, PUT: 1 });
    const second = await pushHeld(session, randomBytes(KIB));
    expect(second).toMatchObject({ outcome: "uploaded", sentBytes: KIB });
    expect(countAll(session)).toEqual({ HEAD: 2, POST: 2, PUT: 2 });
  });

  test("is not tried out on a registry that may not take it, if it is large or empty", async () => {
    await using session = await startSession({ postDigest: "ignored" });
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

describe("many small blobs", () => {
  test("are seldom asked for where none of them is there", async () => {
    await using session = await startSession();
    for (let blob = 0; blob < 100; blob += 1) await pushHeld(session, randomBytes(100));
    // the first eight, and one of sixteen behind them
    expect(session.registry.log.count("HEAD")).toBe(8 + 5);
  });

  test("are asked for as long as they are there, so that a push goes on where one was interrupted", async () => {
    await using session = await startSession();
    const there = Array.from({ length: 20 }, () => blobOf(randomBytes(100)));
    for (const blob of there) session.seed(blob);
    for (const { bytes } of there) {
      expect(await pushHeld(session, bytes)).toMatchObject({
        outcome: "already-there",
        sentBytes: 0,
      });
    }
    for (let blob = 0; blob < 60; blob += 1) await pushHeld(session, randomBytes(100));
    expect(session.registry.log.count("HEAD")).toBe(20 + 8 + 3);
  });

  test("that are no more than a question takes: larger ones are asked for", async () => {
    await using session = await startSession();
    for (let blob = 0; blob < 20; blob += 1) await pushHeld(session, randomBytes(17 * KIB));
    expect(session.registry.log.count("HEAD")).toBe(20);
  });
});
