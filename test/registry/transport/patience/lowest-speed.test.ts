import { Readable } from "node:stream";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { watchSpeed } from "../../../../src/registry/transport/patience/lowest-speed.ts";

const WINDOW_MS = 1_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** A body of which nothing more comes than what is pushed. */
function openBody() {
  let receivedBytes = 0;
  const body = new Readable({ read: () => undefined });
  body.on("error", () => undefined);
  watchSpeed(body, {
    bytesPerSecond: 100,
    windowMs: WINDOW_MS,
    receivedBytes: () => receivedBytes,
  });
  return {
    body,
    push: (size: number) => {
      receivedBytes += size;
      body.push(Buffer.alloc(size));
    },
  };
}

test("a body that comes too slowly for a window is ended", async () => {
  const { body, push } = openBody();
  body.resume();
  push(1_000);
  await vi.advanceTimersByTimeAsync(WINDOW_MS);
  expect(body.destroyed).toBe(false);
  await vi.advanceTimersByTimeAsync(WINDOW_MS);
  expect(body.errored).toMatchObject({ code: "STALLED" });
});

test("a reader that takes its time is no reason to give up", async () => {
  const { body, push } = openBody();
  push(1_000);
  await vi.advanceTimersByTimeAsync(20 * WINDOW_MS);
  expect(body.destroyed).toBe(false);
});

test("a body that is fast enough is read to its end", async () => {
  const { body, push } = openBody();
  body.resume();
  for (let window = 0; window < 20; window++) {
    push(100);
    await vi.advanceTimersByTimeAsync(WINDOW_MS / 2);
  }
  expect(body.destroyed).toBe(false);
});
