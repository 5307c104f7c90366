import { describe, expect, test } from "vitest";
import {
  RegistryResponseError,
  RegistryUnreachableError,
} from "../../../../src/registry/errors.ts";
import { HostGate } from "../../../../src/registry/transport/patience/host-gate.ts";
import {
  Patience,
  type Retry,
  retryClassOf,
} from "../../../../src/registry/transport/patience/retry.ts";
import { createFakeClock } from "../../../support/clock.ts";

const MINUTE = 60_000;

function refusal(status: number, retryAfterMs?: number) {
  const url = new URL("https://registry.local/v2/a/tags/list");
  return new RegistryResponseError({
    registry: "registry.local",
    method: "GET",
    url,
    status,
    retryAfterMs,
  });
}

function unreachable(reason: RegistryUnreachableError["reason"]) {
  return new RegistryUnreachableError("registry.local", { reason });
}

function createPatience({ hasAnswered = true, random = 0.5 } = {}) {
  const clock = createFakeClock({ randoms: [random] });
  const gate = new HostGate(clock);
  const retries: Retry[] = [];
  const patience = new Patience({
    clock,
    gate,
    timeoutMs: 15 * MINUTE,
    hasAnswered: () => hasAnswered,
    onRetry: (retry) => retries.push(retry),
  });
  return { patience, clock, gate, retries };
}

async function failUntilGivenUp(patience: Patience, failure: unknown): Promise<number> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await patience.waitAfter(failure);
    } catch (error) {
      expect(error).toBe(failure);
      return attempts;
    }
  }
}

describe("retryClassOf()", () => {
  test.each<[number, string]>([
    [400, "never"],
    [401, "never"],
    [403, "never"],
    [404, "never"],
    [408, "patient"],
    [413, "never"],
    [416, "never"],
    [424, "few"],
    [425, "few"],
    [429, "patient"],
    [499, "patient"],
    [500, "few"],
    [501, "never"],
    [502, "patient"],
    [503, "patient"],
    [504, "patient"],
    [505, "never"],
    [507, "never"],
    [509, "few"],
    [520, "patient"],
    [522, "patient"],
    [524, "patient"],
    [525, "few"],
    [530, "patient"],
  ])("status %i: %s", (status, expected) => {
    expect(retryClassOf(refusal(status))).toBe(expected);
  });

  test.each<[number, boolean, string]>([
    [403, true, "brief"],
    [404, true, "brief"],
    [416, true, "never"],
    [503, true, "patient"],
    [403, false, "never"],
  ])("status %i where content is given, by a store: %s: %s", (status, isRedirected, expected) => {
    const url = new URL("https://store.local/");
    const fields = { registry: "registry.local", method: "GET", url, status, isRedirected };
    const failure = new RegistryResponseError(fields);
    expect(retryClassOf(failure, { isContent: true })).toBe(expected);
    if (status !== 503) expect(retryClassOf(failure)).toBe("never");
  });

  test("a 403 that says TOOMANYREQUESTS is a limit", () => {
    const url = new URL("https://registry.local/");
    const serverErrors = [{ code: "TOOMANYREQUESTS", message: "" }];
    const fields = { registry: "registry.local", method: "GET", url, status: 403, serverErrors };
    expect(retryClassOf(new RegistryResponseError(fields))).toBe("patient");
  });

  test.each([
    ["certificate", "never"],
    ["plain-http", "never"],
    ["reset", "patient"],
    ["timeout", "patient"],
    ["dns", "patient"],
  ] as const)("%s: %s", (reason, expected) => {
    expect(retryClassOf(unreachable(reason))).toBe(expected);
  });

  test("a bug: never", () => {
    expect(retryClassOf(new TypeError("x is not a function"))).toBe("never");
  });
});

describe("Patience", () => {
  test("doubles the ceiling of a random delay up to half a minute", async () => {
    const { patience, retries } = createPatience({ random: 0.999999 });
    for (let count = 0; count < 8; count += 1) await patience.waitAfter(unreachable("reset"));
    expect(retries.map(({ delayMs }) => delayMs)).toEqual([
      500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ]);
  });

  test("adds the random delay to what the server asks for", async () => {
    const { patience, retries } = createPatience();
    await patience.waitAfter(refusal(429, 20_000));
    expect(retries[0]?.delayMs).toBe(20_250);
  });

  test("gives up at once when the server asks for more than the patience", async () => {
    const { patience, clock } = createPatience();
    expect(await failUntilGivenUp(patience, refusal(429, 16 * MINUTE))).toBe(1);
    expect(clock.sleeps).toEqual([]);
  });

  test("gives up after its time without progress", async () => {
    const { patience, clock } = createPatience();
    const start = clock.now();
    await failUntilGivenUp(patience, unreachable("reset"));
    expect(clock.now() - start).toBeLessThanOrEqual(15 * MINUTE);
    expect(clock.now() - start).toBeGreaterThan(14 * MINUTE);
  });

  test("tries six times what is rather about the request", async () => {
    const { patience } = createPatience();
    expect(await failUntilGivenUp(patience, refusal(500))).toBe(6);
  });

  test("does not count waiting for the host against what is about the request", async () => {
    const { patience } = createPatience();
    for (let count = 0; count < 6; count += 1) await patience.waitAfter(refusal(503));
    expect(await failUntilGivenUp(patience, refusal(500))).toBe(6);
  });

  test("tries three times a host that never answered", async () => {
    const { patience } = createPatience({ hasAnswered: false });
    expect(await failUntilGivenUp(patience, unreachable("refused"))).toBe(3);
  });

  test("does not repeat what will not change", async () => {
    const { patience } = createPatience();
    expect(await failUntilGivenUp(patience, refusal(404))).toBe(1);
  });

  test("starts over after a mebibyte of progress, not after less", async () => {
    const { patience, retries } = createPatience();
    const failure = unreachable("reset");
    await patience.waitAfter(failure);
    patience.progress(1024 * 1024 - 1);
    await patience.waitAfter(failure);
    patience.progress(1);
    await patience.waitAfter(failure);
    expect(retries.map(({ attempt }) => attempt)).toEqual([1, 2, 1]);
  });

  test("holds back other requests to a host that asks to wait", async () => {
    const { patience, clock, gate } = createPatience();
    const waiting = patience.waitAfter(refusal(503, 5000));
    const start = clock.now();
    gate.closeFor(7000);
    await gate.pass();
    expect(clock.now() - start).toBeGreaterThanOrEqual(5000);
    await waiting;
  });

  test("ends with the reason of an abort", async () => {
    const { patience } = createPatience();
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(patience.waitAfter(unreachable("reset"), signal)).rejects.toThrow("enough");
  });
});
