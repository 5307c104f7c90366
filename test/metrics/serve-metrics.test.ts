import { describe, expect, test } from "vitest";
import { openMetricsServer } from "../../src/metrics/metrics-server.ts";
import { createServeMetrics } from "../../src/metrics/serve-metrics.ts";
import type { ServeEvent } from "../../src/serve/serve-event.ts";
import { runProcess } from "../support/run-process.ts";
import { requireTool } from "../support/tool.ts";

const answered = (path: string, fields: Partial<ServeEvent> = {}): ServeEvent =>
  ({
    type: "request-answered",
    method: "GET",
    path,
    namespace: "quay.io",
    status: 200,
    bytes: 100,
    milliseconds: 20,
    client: "127.0.0.1",
    ...fields,
  }) as ServeEvent;

function fed() {
  const metrics = createServeMetrics();
  metrics.onEvent(answered("/v2/acme/a/manifests/1"));
  metrics.onEvent(answered("/v2/acme/a/blobs/sha256:0"));
  metrics.onEvent(answered("/v2/acme/a/blobs/sha256:1"));
  metrics.onEvent(answered('/nonsense"\n', { status: 404 } as Partial<ServeEvent>));
  metrics.onEvent({
    type: "request-failed",
    method: "GET",
    path: "/v2/acme/a/blobs/sha256:1",
    code: "STORAGE_FAILED",
    message: "secret path",
  });
  metrics.onEvent({ type: "client-cut", method: "GET", path: "/v2/", client: "10.1.2.3" });
  return metrics;
}

describe("createServeMetrics()", () => {
  test("F11: counts exactly what happened, in few series", async () => {
    const text = await fed().render();
    const lines = text
      .split("\n")
      .filter((line) => /^mirror_serve_(?:requests|sent|fail)/.test(line));
    expect(lines).toEqual([
      'mirror_serve_requests_total{namespace="quay.io",kind="manifest",code="200",cache="bundle"} 1',
      'mirror_serve_requests_total{namespace="quay.io",kind="blob",code="200",cache="bundle"} 2',
      'mirror_serve_requests_total{namespace="quay.io",kind="other",code="404",cache="bundle"} 1',
      'mirror_serve_sent_bytes_total{namespace="quay.io",kind="manifest"} 100',
      'mirror_serve_sent_bytes_total{namespace="quay.io",kind="blob"} 200',
      'mirror_serve_sent_bytes_total{namespace="quay.io",kind="other"} 100',
      'mirror_serve_failures_total{code="STORAGE_FAILED"} 1',
    ]);
    expect(text).toContain("\nmirror_serve_clients_cut_total 1\n");
    expect(text).not.toContain("secret path");
  });

  requireTool("promtool").test("F11: is clean for promtool check metrics", async () => {
    const input = await fed().render();
    const { exitCode, stdout, stderr } = await runProcess("promtool", ["check", "metrics"], {
      input,
    });
    expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });
});

describe("openMetricsServer()", () => {
  test("gives metrics and health on an address of its own, and nothing else", async () => {
    await using server = await openMetricsServer({
      metrics: fed(),
      address: "127.0.0.1",
      port: 0,
    });
    const get = (path: string, init = {}) => fetch(`http://127.0.0.1:${server.port}${path}`, init);
    const metrics = await get("/metrics");
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await metrics.text()).toContain("# TYPE mirror_serve_requests_total counter");
    expect((await get("/readyz")).status).toBe(200);
    expect((await get("/v2/")).status).toBe(404);
    expect((await get("/metrics", { method: "POST" })).status).toBe(405);
  });
});
