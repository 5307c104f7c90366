import type { FileChange } from "./plan-install.ts";

/** Unified diffs of a plan; of files that may hold passwords only that they change. */
export async function renderDiff(changes: readonly FileChange[]): Promise<string> {
  // Loaded where it is wanted: most commands start without it
  const { createTwoFilesPatch } = await import("diff");
  return changes
    .filter(({ kind }) => kind !== "same")
    .map(({ path, before, after, isSecret }) => {
      if (isSecret)
        return `${path}: ${before ? (after ? "changes" : "goes") : "comes"} (not shown)\n`;
      const names = [
        before ? `a/${path}` : "/dev/null",
        after ? `b/${path}` : "/dev/null",
      ] as const;
      const texts = [before?.bytes ?? "", after ?? ""].map((text) => text.toString()) as [
        string,
        string,
      ];
      return createTwoFilesPatch(...names, ...texts, undefined, undefined, { context: 3 });
    })
    .join("");
}
