import type { Platform } from "./platform.ts";

/**
 * What an image runs on, by its config (image-spec config.md); undefined if that does not tell. Nothing else of the
 * config is judged: what its labels look like is the business of who made them.
 */
export function parseConfigPlatform(bytes: Uint8Array): Platform | undefined {
  const { os, architecture, variant } = fieldsOf(bytes);
  if (!isText(os) || os === "unknown" || !isText(architecture)) return undefined;
  return { os, architecture, ...(isText(variant) ? { variant } : {}) };
}

/** How many layers the config lists; undefined if it has no such list, or is no config. */
export function countConfigLayers(bytes: Uint8Array): number | undefined {
  const { rootfs } = fieldsOf(bytes);
  const { diff_ids } = (rootfs ?? {}) as Readonly<Record<string, unknown>>;
  return Array.isArray(diff_ids) ? diff_ids.length : undefined;
}

/** None of what is no document: nobody can say anything of it then. */
function fieldsOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const config: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return (config ?? {}) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}
