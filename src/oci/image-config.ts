import type { Platform } from "./platform.ts";

/**
 * What an image runs on, by its config (image-spec config.md); undefined if that does not tell. Nothing else of the
 * config is judged: what its labels look like is the business of who made them.
 */
export function parseConfigPlatform(bytes: Uint8Array): Platform | undefined {
  let config: unknown;
  try {
    config = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const { os, architecture, variant } = (config ?? {}) as Readonly<Record<string, unknown>>;
  if (!isText(os) || os === "unknown" || !isText(architecture)) return undefined;
  return { os, architecture, ...(isText(variant) ? { variant } : {}) };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
