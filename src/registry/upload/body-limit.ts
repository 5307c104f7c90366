import { RegistryResponseError } from "../errors.ts";
import type { HostFacts } from "../host/host-facts.ts";

/** Remembers the smallest body that a host, or what is in front of it, finds too large. */
export function noteBodyLimit(facts: HostFacts, failure: unknown): void {
  if (!isTooLarge(failure)) return;
  facts.refusedBytes = Math.min(facts.refusedBytes, failure.refusedBytes);
}

/** The last attempt is one large request, but what has to be allowed is known from the small ones before it. */
export function withBodyLimit({ refusedBytes }: HostFacts, failure: unknown): unknown {
  if (!isTooLarge(failure)) return failure;
  const url = new URL(failure.url);
  return new RegistryResponseError({ ...failure, url, refusedBytes }, { cause: failure });
}

function isTooLarge(
  failure: unknown,
): failure is RegistryResponseError & { readonly refusedBytes: number } {
  return failure instanceof RegistryResponseError && failure.refusedBytes !== undefined;
}
