import type { RegistryEvent } from "../../index.ts";
import { sanitize } from "./sanitize.ts";
import { formatBytes, formatDuration } from "./units.ts";

/** Shorter waits are everyday life and only shown with `--debug`. */
const SHOWN_DELAY_MS = 5000;

/** What the user sees of the traffic with a registry. */
export function renderRegistryEvent(
  event: RegistryEvent,
  { debug }: { readonly debug: boolean },
): string | undefined {
  if (debug) return `debug: ${sanitize(JSON.stringify(event))}`;
  switch (event.type) {
    case "warning":
      return `warning: ${sanitize(event.message)}`;
    case "credential-chosen":
      return undefined;
    case "rate-limited":
      return `${sanitize(event.registry)} asks for less: going on with ${event.requestsPerSecond.toFixed(1)} requests/s`;
    case "restarted":
      return `${sanitize(event.registry)}: ${formatBytes(event.bytes)} have to move again: ${sanitize(event.reason)}`;
    case "retrying":
      return event.delayMs < SHOWN_DELAY_MS
        ? undefined
        : `${sanitize(event.registry)}: ${sanitize(event.reason)}; trying again in ${formatDuration(event.delayMs / 1000)}`;
  }
}
