import type { ClientConfig, FileChange } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";

/** The files in full; where they were written, what became of each. Then what is left to do. */
export function renderClientConfig(
  { directory, files, steps, notices }: ClientConfig,
  changes: readonly FileChange[] | undefined,
): string {
  const shown = changes
    ? renderChanges(changes)
    : files
        .map(({ path, mode, text }) => `--- ${directory}/${path} (mode ${mode})\n${text}`)
        .join("\n");
  return [
    shown.trimEnd(),
    "",
    ...steps.map((step) => `next: ${sanitize(step)}`),
    ...notices.map(({ message }) => `notice: ${sanitize(message)}`),
    "",
  ].join("\n");
}

const WORDS: Readonly<Record<FileChange["kind"], string>> = {
  create: "written",
  replace: "replaced; the file before is kept",
  merge: "added to; the file before is kept",
  same: "as it was",
  restore: "as it was before",
  delete: "removed",
};

export function renderChanges(changes: readonly FileChange[]): string {
  return changes.map(({ path, kind }) => `${sanitize(path)}: ${WORDS[kind]}\n`).join("");
}
