import type { RegistryEvent } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { formatBytes, formatDuration } from "../units.ts";

/** Shorter waits are everyday life and only shown with `--debug`. */
const SHOWN_DELAY_MS = 5000;

/** What the user sees of the traffic with a registry. */
export function renderRegistryEvent(
  event: RegistryEvent,
  { debug }: { readonly debug: boolean },
): string | undefined {
  if (debug && event.type === "request") return renderRequest(event);
  if (debug) return `debug: ${sanitize(JSON.stringify(event))}`;
  switch (event.type) {
    case "warning":
      return `warning: ${sanitize(event.message)}`;
    case "request":
    case "credential-chosen":
      return undefined;
    case "rate-limited":
      return `${sanitize(event.registry)} asks for less: going on with ${event.requestsPerSecond.toFixed(1)} requests/s`;
    case "quota-exhausted":
      return `${sanitize(event.registry)} has no request left${renderQuota(event)}: waiting ${formatDuration(event.delayMs / 1000)} for each`;
    case "restarted":
      return `${sanitize(event.registry)}: ${formatBytes(event.bytes)} have to move again: ${sanitize(event.reason)}`;
    case "retrying":
      return event.delayMs < SHOWN_DELAY_MS
        ? undefined
        : `${sanitize(event.registry)}: ${sanitize(event.reason)}; trying again in ${formatDuration(event.delayMs / 1000)}`;
  }
}

/** ` of 100 in 6 h 00 min` */
function renderQuota({
  limit,
  windowMs,
}: Extract<RegistryEvent, { type: "quota-exhausted" }>): string {
  if (limit === undefined || windowMs === undefined) return "";
  return ` of ${limit} in ${formatDuration(windowMs / 1000)}`;
}

/** `debug: GET registry/v2/a/manifests/v1 200, 480 bytes received, 0 sent, 12 ms, attempt 1, connection 3` */
function renderRequest(event: Extract<RegistryEvent, { type: "request" }>): string {
  const { registry, method, path, status, attempt, connection } = event;
  const place = path.startsWith("/") ? registry + path : path;
  const parts = [
    `${method} ${place} ${status ?? "no answer"}`,
    `${event.receivedBytes} bytes received`,
    `${event.sentBytes} sent`,
    `${event.milliseconds} ms`,
    `attempt ${attempt}`,
    `connection ${connection ?? "none"}`,
  ];
  return `debug: ${sanitize(parts.join(", "))}`;
}
