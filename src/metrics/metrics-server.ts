import { type HttpListener, listenHttp } from "../server/listen.ts";
import { errorResponse, type RegistryResponse } from "../server/message.ts";
import type { ServeMetrics } from "./serve-metrics.ts";

export interface MetricsServerOptions {
  readonly metrics: ServeMetrics;
  readonly address: string;
  /** 0: a free one. */
  readonly port: number;
}

/** Serves `/metrics`, `/livez` and `/readyz` on an address of their own. */
export function openMetricsServer(options: MetricsServerOptions): Promise<HttpListener> {
  const { address, metrics, port } = options;
  return listenHttp({
    address,
    port,
    handler: async ({ method, path }) => {
      if (method !== "GET" && method !== "HEAD") {
        return errorResponse(405, { code: "UNSUPPORTED", message: "only GET and HEAD" });
      }
      if (path === "/metrics") return textResponse(await metrics.render(), metrics.contentType);
      if (path === "/livez" || path === "/readyz") return textResponse("ok\n", "text/plain");
      return errorResponse(404, { code: "UNSUPPORTED", message: "metrics are at /metrics" });
    },
  });
}

function textResponse(text: string, contentType: string): RegistryResponse {
  const body = Buffer.from(text);
  const headers = { "content-type": contentType, "content-length": String(body.length) };
  return { status: 200, headers, body };
}
