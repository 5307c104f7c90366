import type { Root } from "./root.ts";

/**
 * No channel of a target may point at a version that is not there. Resolvers take channels and versions together, so a
 * violation is a bug.
 */
export function checkClosure(roots: readonly Root[]): void {
  const tags = new Set(
    roots.flatMap(({ repository, tags: names }) => names.map((tag) => `${repository}:${tag}`)),
  );
  for (const { repository, reference, pointsAt } of roots) {
    if (pointsAt === undefined) continue;
    const parent = repository.split("/").slice(0, -1).join("/");
    const spellings = [pointsAt, pointsAt.replace(/^v(?=\d)/, "")];
    if (spellings.some((tag) => tags.has(`${parent}:${tag}`))) continue;
    throw new Error(`channel ${repository}:${reference} points at ${pointsAt}, which is not taken`);
  }
}
