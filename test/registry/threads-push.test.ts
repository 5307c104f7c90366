import { randomBytes } from "node:crypto";
import { open as openFile, truncate, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ContentMismatchError } from "../../src/oci/errors.ts";
import type { RegistryClientOptions } from "../../src/registry/registry-client.ts";
import type { FiledContent, PushContentOptions, UploadSession } from "../../src/store/store.ts";
import type { Faults } from "../support/registry.ts";
import { openTempDirectory, type TempDirectory } from "../support/temp-directory.ts";
import { blobOf } from "./support/content.ts";
import { IMPATIENT, type Session, startSession } from "./support/session.ts";

const MIB = 1024 * 1024;
const UPLOAD = /\/blobs\/uploads\/./;
const blob = blobOf(randomBytes(10 * MIB + 5));
const { size, digest } = blob.expected;
const CLIENT = { transferThreads: 2, transferThreadsFromBytes: 0, partSizeBytes: 4 * MIB } as const;

let directory: TempDirectory;
let paths: readonly [string, string];
let rounds = 0;

beforeAll(async () => {
  directory = await openTempDirectory();
});

afterAll(() => directory[Symbol.asyncDispose]());

/** The blob over two files, behind other bytes of the first. */
beforeEach(async () => {
  rounds += 1;
  paths = [directory.resolve(`${rounds}.0`), directory.resolve(`${rounds}.1`)];
  await writeFile(paths[0], Buffer.concat([Buffer.alloc(512), blob.bytes.subarray(0, 6 * MIB)]));
  await writeFile(paths[1], blob.bytes.subarray(6 * MIB));
});

function filed(): FiledContent {
  const [first, second] = paths;
  return {
    parts: [
      { path: first, offset: 512, length: 6 * MIB },
      { path: second, offset: 0, length: size - 6 * MIB },
    ],
    runBytes: 0,
    busyThreads: 0,
    failureOf: (fault) =>
      new ContentMismatchError(
        digest,
        fault.type === "hash" ? `it has hash ${fault.hash}` : `it ends at ${fault.end}`,
      ),
  };
}

/** The content comes from the files, or not at all. */
async function pushFiled({ repository }: Session, options: PushContentOptions = {}) {
  const open = () => {
    throw new Error("the content is not to be opened");
  };
  return await repository.push(blob.expected, open, { filed: filed(), ...options });
}

function isStored({ registry }: Session): boolean {
  return registry.content.repository("acme/web").blobs.has(digest);
}

async function push(faults: Faults, client: RegistryClientOptions = {}) {
  await using session = await startSession(faults, { ...CLIENT, ...client });
  const progress: number[] = [];
  const result = await pushFiled(session, { onProgress: (sent) => progress.push(sent) });
  const { log } = session.registry;
  return {
    ...result,
    isStored: isStored(session),
    events: session.events,
    progress,
    parts: log.find("PATCH", UPLOAD).map(({ headers }) => headers["content-range"]),
  };
}

describe("a thread that sends from files", () => {
  test("sends parts in order and the last bytes with the commit", async () => {
    const { outcome, sentBytes, parts, progress } = await push({});
    expect({ outcome, sentBytes }).toEqual({ outcome: "uploaded", sentBytes: size });
    expect(parts).toEqual([`0-${4 * MIB - 1}`, `${4 * MIB}-${8 * MIB - 1}`]);
    expect(progress.at(-1)).toBe(size);
  });

  const cut = { dropUpload: { afterBytes: 2 * MIB, how: "reset", times: 1 } } as const;
  test.each<[string, Faults, RegistryClientOptions?]>([
    ["a torn part", cut],
    ["a torn part of a session that dies with it", { ...cut, abortedPatch: "deletes-session" }],
    ["a torn part and no way to ask", { ...cut, statusGet: 404 }],
    ["a part that is not taken", { dropUpload: { ...cut.dropUpload, how: "stall" } }, IMPATIENT],
    ["a session that is lost", { sessionLost: { after: 3 } }],
    ["no parts at all", { partLimitBytes: 1024 }],
    ["a limit on bodies", { bodyLimit: { bytes: 1.5 * MIB, answer: 413 } }],
    ["a commit whose answer is lost", { commitReset: { times: 1 } }],
    ["a 429", { tooManyRequests: { times: 3, after: 2, retryAfter: { seconds: 7 } } }],
    ["a token that has to be asked for", { auth: { scheme: "bearer" } } as Faults],
  ])("gets through in spite of %s", async (_, faults, client) => {
    expect(await push(faults, client)).toMatchObject({ outcome: "uploaded", isStored: true });
  });

  test("never sends the last byte of content that is damaged", async () => {
    const file = await openFile(paths[0], "r+");
    await file.write(Buffer.from("damage"), 0, 6, 1000);
    await file.close();
    await using session = await startSession({}, CLIENT);
    await expect(pushFiled(session)).rejects.toMatchObject({
      code: "CONTENT_MISMATCH",
      message: expect.stringContaining("it has hash "),
    });
    const { log } = session.registry;
    const received = log.find("PUT", UPLOAD).map(({ receivedBytes }) => receivedBytes);
    for (const bytes of received) expect(bytes).toBeLessThan(size - 8 * MIB);
    expect(session.events.filter(({ type }) => type === "retrying")).toEqual([]);
  });

  test("tells where content ends that is cut off", async () => {
    await truncate(paths[1], 100);
    await using session = await startSession({}, CLIENT);
    await expect(pushFiled(session)).rejects.toMatchObject({
      message: expect.stringContaining(`it ends at ${6 * MIB + 100}`),
    });
  });

  test("names the file that cannot be read", async () => {
    const gone = directory.resolve("gone");
    const parts = [{ path: gone, offset: 0, length: size }];
    await using session = await startSession({}, CLIENT);
    await expect(pushFiled(session, { filed: { ...filed(), parts } })).rejects.toMatchObject({
      code: "STORAGE_FAILED",
      path: gone,
    });
    expect(session.events.filter(({ type }) => type === "retrying")).toEqual([]);
  });

  test("finishes the part in flight after an abort, and the next run goes on behind it", async () => {
    const saved: (UploadSession | undefined)[] = [];
    const store = {
      load: () => saved.at(-1),
      save: async (session: UploadSession | undefined) => {
        saved.push(session);
      },
    };
    await using session = await startSession({}, CLIENT);
    const controller = new AbortController();
    const options = {
      session: store,
      signal: controller.signal,
      onProgress: (sent: number) => {
        if (sent > 5 * MIB) controller.abort(new Error("interrupted"));
      },
    };
    await expect(pushFiled(session, options)).rejects.toThrow("interrupted");
    expect(saved.at(-1)?.offset).toBe(8 * MIB);
    expect(await pushFiled(session, { session: store })).toMatchObject({
      outcome: "uploaded",
      resumedBytes: 8 * MIB,
      sentBytes: 2 * MIB + 5,
    });
  });
});
