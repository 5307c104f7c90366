import { hasVersion, placeOfVersion } from "../../../product/closure.ts";
import type { Root } from "../root.ts";

/** Resolvers take channels and versions together, so a channel that points at nothing is a bug. */
export function checkClosure(roots: readonly Root[]): void {
  for (const { repository, reference, pointsAt } of roots) {
    if (pointsAt === undefined || hasVersion(roots, placeOfVersion(repository, pointsAt))) continue;
    throw new Error(`channel ${repository}:${reference} points at ${pointsAt}, which is not taken`);
  }
}
