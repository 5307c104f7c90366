import { parseRepositoryReference } from "../../index.ts";
import { UsageError } from "../usage-error.ts";

/** The host of a registry, as references have it; throws `UsageError`. */
export function parseRegistry(text: string): string {
  const host = text.replace(/^https?:\/\//, "").replace(/\/$/, "");
  try {
    // without a dot, a port or this name, a first part is no host
    if (/[.:]|^localhost$/.test(host)) return parseRepositoryReference(`${host}/x`).registry;
  } catch {
    // said below in the words of this command
  }
  throw new UsageError(
    `Cannot use "${text}" as registry: it is not a host like registry.local:5000`,
  );
}
