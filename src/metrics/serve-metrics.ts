import { Counter, Histogram, Registry } from "prom-client";
import type { OnServeEvent, ServeEvent } from "../serve/serve-event.ts";

/** Counters of a server, fed by what it tells. */
export interface ServeMetrics {
  readonly onEvent: OnServeEvent;
  /** Text format 0.0.4 of Prometheus. */
  render(): Promise<string>;
  readonly contentType: string;
}

/** Seconds that a request may take: from an answer out of memory to a large layer over a slow line. */
const BUCKETS = [0.001, 0.01, 0.1, 1, 10, 60, 600];

export function createServeMetrics(): ServeMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: "mirror_serve_requests_total",
    help: "Requests that were answered",
    labelNames: ["namespace", "kind", "code", "cache"],
    registers,
  });
  const bytes = new Counter({
    name: "mirror_serve_sent_bytes_total",
    help: "Bytes of answers without their headers",
    labelNames: ["namespace", "kind"],
    registers,
  });
  const failures = new Counter({
    name: "mirror_serve_failures_total",
    help: "What failed: answers that did not come to their end because of the content, disks of caches, renewals of certificates",
    labelNames: ["code"],
    registers,
  });
  const cut = new Counter({
    name: "mirror_serve_clients_cut_total",
    help: "Clients whose connection was cut because they took or sent next to nothing",
    registers,
  });
  const seconds = new Histogram({
    name: "mirror_serve_request_duration_seconds",
    help: "Time from a request to the end of its answer",
    labelNames: ["kind"],
    buckets: BUCKETS,
    registers,
  });
  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    onEvent(event) {
      if (event.type === "stale-served" || event.type === "notice") return;
      if (event.type === "client-cut") return cut.inc();
      if (event.type !== "request-answered") {
        failures.inc({ code: event.code });
        return;
      }
      const kind = kindOf(event);
      const namespace = event.namespace ?? "";
      const cache = event.cache ?? (isRead(event) ? "bundle" : "");
      requests.inc({ namespace, kind, code: String(event.status), cache });
      bytes.inc({ namespace, kind }, event.bytes);
      seconds.observe({ kind }, event.milliseconds / 1000);
    },
  };
}

const KINDS: readonly (readonly [string, RegExp])[] = [
  ["manifest", /\/manifests\/[^/]+$/],
  ["upload", /\/blobs\/uploads(?:\/[^/]*)?$/],
  ["blob", /\/blobs\/[^/]+$/],
  ["tags", /\/tags\/list$/],
  ["referrers", /\/referrers\/[^/]+$/],
  ["base", /\/v2\/?$/],
];

function isRead({ method }: Extract<ServeEvent, { type: "request-answered" }>): boolean {
  return method === "GET" || method === "HEAD";
}

/** Few of them, whatever is asked for: each is a series of numbers. */
function kindOf({ path }: Extract<ServeEvent, { type: "request-answered" }>): string {
  return KINDS.find(([, pattern]) => pattern.test(path))?.[0] ?? "other";
}
