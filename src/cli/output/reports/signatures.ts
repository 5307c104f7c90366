import type { AcceptedSignature } from "../../../index.ts";
import { formatCount } from "../units.ts";

/** One line, where signatures were demanded. */
export function renderSignatures(signatures: readonly AcceptedSignature[] | undefined): string[] {
  if (signatures === undefined) return [];
  const images = new Set(signatures.map(({ repository, digest }) => `${repository}@${digest}`));
  return [`signed as demanded: ${formatCount(images.size, "image")}`];
}
