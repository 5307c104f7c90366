import { describe, expect, test } from "vitest";
import { RateLimit } from "../../../../src/registry/transport/patience/rate-limit.ts";
import { createFakeClock } from "../../../support/clock.ts";

const MINUTE = 60_000;

function create(requestsPerSecond?: number) {
  const clock = createFakeClock();
  const limited: number[] = [];
  const rate = new RateLimit({
    clock,
    requestsPerSecond,
    onLimited: (limit) => limited.push(limit),
  });
  return { rate, clock, limited };
}

async function take(rate: RateLimit, count: number): Promise<number> {
  let last = 0;
  for (let taken = 0; taken < count; taken += 1) last = await rate.take();
  return last;
}

describe("RateLimit", () => {
  test("lets everything pass without a limit", async () => {
    const { rate, clock } = create();
    await take(rate, 1000);
    expect(clock.sleeps).toEqual([]);
  });

  test("lets a burst of ten pass and then keeps the rate", async () => {
    const { rate, clock } = create(5);
    await take(rate, 10);
    expect(clock.sleeps).toEqual([]);
    await take(rate, 5);
    expect(clock.sleeps).toEqual([200, 200, 200, 200, 200]);
  });

  test("halves once per incident, however many requests were under way", async () => {
    const { rate, clock, limited } = create(40);
    const started = [await rate.take(), await rate.take(), await rate.take()];
    clock.advance(100);
    for (const startedAt of started) rate.reportLimited(startedAt);
    expect(limited).toEqual([20]);
    clock.advance(100);
    rate.reportLimited(await rate.take());
    expect(limited).toEqual([20, 10]);
  });

  test("starts from the measured rate when none is configured", async () => {
    const { rate, clock, limited } = create();
    for (let sent = 0; sent < 100; sent += 1) {
      clock.advance(90);
      await rate.take();
    }
    rate.reportLimited(clock.now());
    expect(limited).toEqual([6]);
  });

  test("takes a few slow requests for no measure", async () => {
    const { rate, clock, limited } = create();
    for (let sent = 0; sent < 3; sent += 1) {
      clock.advance(4000);
      await rate.take();
    }
    rate.reportLimited(clock.now());
    expect(limited).toEqual([1]);
  });

  test("does not fall below one request in ten seconds", async () => {
    const { rate, clock } = create(1);
    for (let incident = 0; incident < 10; incident += 1) {
      clock.advance(1000);
      rate.reportLimited(clock.now());
    }
    expect(rate.requestsPerSecond).toBe(0.1);
  });

  test("recovers in steps, not before twenty minutes have passed, up to what is configured", () => {
    const { rate, clock } = create(16);
    rate.reportLimited(clock.now());
    clock.advance(20 * MINUTE - 1);
    rate.reportSuccess();
    expect(rate.requestsPerSecond).toBe(8);
    clock.advance(1);
    rate.reportSuccess();
    rate.reportSuccess();
    expect(rate.requestsPerSecond).toBe(12);
    clock.advance(MINUTE);
    rate.reportSuccess();
    expect(rate.requestsPerSecond).toBe(16);
  });
});

describe("a rate that an earlier run has learnt", () => {
  test("is gone on with, and recovers as if there had been no end of a run", async () => {
    const { rate, clock } = create(40);
    rate.restore(5, 19 * MINUTE);
    expect(rate.requestsPerSecond).toBe(5);
    rate.reportSuccess();
    expect(rate.requestsPerSecond).toBe(5);
    clock.advance(2 * MINUTE);
    rate.reportSuccess();
    expect(rate.requestsPerSecond).toBe(7.5);
  });

  test("makes nothing faster than it is told to be, and nothing slower than the floor", () => {
    const { rate } = create(2);
    rate.restore(50, 0);
    expect(rate.requestsPerSecond).toBe(2);
    rate.restore(0.001, 0);
    expect(rate.requestsPerSecond).toBe(0.1);
  });
});
