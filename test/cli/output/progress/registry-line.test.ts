import { describe, expect, test } from "vitest";
import { renderRegistryEvent } from "../../../../src/cli/output/progress/registry-line.ts";
import type { RegistryEvent } from "../../../../src/index.ts";

const retrying: RegistryEvent = {
  type: "retrying",
  registry: "registry.local",
  method: "GET",
  path: "/v2/",
  reason: "503 Service Unavailable",
  attempt: 3,
  delayMs: 12_000,
};

describe("renderRegistryEvent()", () => {
  test("shows a long wait and hides a short one", () => {
    expect(renderRegistryEvent(retrying, { debug: false })).toBe(
      "registry.local: 503 Service Unavailable; trying again in 12 s",
    );
    expect(renderRegistryEvent({ ...retrying, delayMs: 300 }, { debug: false })).toBeUndefined();
  });

  test("shows warnings and limits of the server", () => {
    const warning: RegistryEvent = { type: "warning", code: "x", message: "moved\u0007 soon" };
    expect(renderRegistryEvent(warning, { debug: false })).toBe("warning: moved  soon");
    const limit: RegistryEvent = {
      type: "rate-limited",
      registry: "registry.local",
      requestsPerSecond: 2.5,
    };
    expect(renderRegistryEvent(limit, { debug: false })).toBe(
      "registry.local asks for less: going on with 2.5 requests/s",
    );
  });

  test("shows everything with --debug", () => {
    const line = renderRegistryEvent({ ...retrying, delayMs: 1 }, { debug: true });
    expect(line).toBe(`debug: ${JSON.stringify({ ...retrying, delayMs: 1 })}`);
  });

  test("shows each request on one line with --debug, and none without", () => {
    const event = {
      type: "request",
      registry: "registry.test",
      method: "PATCH",
      path: "/v2/acme/web/blobs/uploads/1",
      status: 202,
      receivedBytes: 0,
      sentBytes: 5_242_880,
      milliseconds: 1200,
      attempt: 2,
      connection: 3,
    } as const;
    expect(renderRegistryEvent(event, { debug: true })).toBe(
      "debug: PATCH registry.test/v2/acme/web/blobs/uploads/1 202, 0 bytes received, 5242880 sent, 1200 ms, attempt 2, connection 3",
    );
    expect(renderRegistryEvent(event, { debug: false })).toBeUndefined();
  });
});
