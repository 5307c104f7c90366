import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openGrace } from "../../../../src/registry/transport/patience/grace.ts";

const OPTIONS = { graceMs: 10_000, idleMs: 2_000 };

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Milliseconds from the abort to the end of the grace, with a byte every `everyMs`. */
function endOf({ everyMs, quietBeforeMs = 0 }: { everyMs?: number; quietBeforeMs?: number }) {
  const stop = new AbortController();
  const grace = openGrace(stop.signal, OPTIONS);
  vi.advanceTimersByTime(quietBeforeMs);
  stop.abort(new Error("interrupted"));
  for (let passed = 0; passed <= 60_000; passed += 100) {
    if (grace.signal?.aborted) return passed;
    if (everyMs !== undefined && passed % everyMs === 0) grace.moved();
    vi.advanceTimersByTime(100);
  }
  return undefined;
}

describe("openGrace()", () => {
  test("ends ten seconds after the abort if bytes move all the time", () => {
    expect(endOf({ everyMs: 1_000 })).toBe(10_000);
  });

  test("ends two seconds after the last byte", () => {
    expect(endOf({})).toBe(2_000);
  });

  test("ends at once if nothing has moved for two seconds before the abort", () => {
    expect(endOf({ quietBeforeMs: 5_000 })).toBeLessThanOrEqual(100);
  });

  test("does not end what was closed, and passes the reason on", () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const closed = openGrace(first.signal, OPTIONS);
    const open = openGrace(second.signal, OPTIONS);
    closed.close();
    for (const stop of [first, second]) stop.abort(new Error("interrupted"));
    vi.advanceTimersByTime(60_000);
    expect(closed.signal?.aborted).toBe(false);
    expect(open.signal?.reason).toMatchObject({ message: "interrupted" });
  });
});
