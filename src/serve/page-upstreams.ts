import type { CacheUsage } from "./cache-usage.ts";
import type { UpstreamHealth } from "./upstream/upstream.ts";

/** `docker.io: answered 2026-01-01T12:00:00.000Z`: why one does not answer is for the log. */
export function describeHealth({ answeredAt, failedAt, isLimiting }: UpstreamHealth): string {
  if (failedAt !== undefined) {
    const what = isLimiting ? "limits the rate" : "does not answer";
    return `${what}, since ${timeOf(failedAt)}`;
  }
  return answeredAt === undefined ? "not asked yet" : `answered ${timeOf(answeredAt)}`;
}

export function describeUsage(usage: CacheUsage): string {
  const { bytes, missedBytes, missedRequests, requests } = usage;
  if (requests === 0) return "nothing was asked for yet";
  const hits = percent(requests - missedRequests, requests);
  const kept = percent(bytes - missedBytes, bytes);
  return `${hits} of ${requests} requests and ${kept} of ${megabytes(bytes)} since the start`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.floor((100 * part) / whole)} %`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
