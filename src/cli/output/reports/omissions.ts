import type { BundleImage } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";

/** What is left out of an image, one line for each reason. */
export function renderOmissions({ source, omitted = [] }: BundleImage): string[] {
  const reasons = new Map<string, string[]>();
  for (const { reason, digest } of omitted) {
    reasons.set(reason, [...(reasons.get(reason) ?? []), digest]);
  }
  return [...reasons].map(
    ([reason, digests]) =>
      `left out of ${sanitize(source)}: ${digests.join(", ")} (${sanitize(reason)})`,
  );
}
