import type { ExportForm } from "./export-options.ts";

/** Forms that programs load as a whole, and refuse if one thing in them cannot be run. */
export function isForRuntimes(form: ExportForm): boolean {
  return form === "docker-archive" || form === "k3s";
}
