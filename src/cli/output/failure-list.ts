import type { Failure } from "../../index.ts";
import { sanitize } from "./sanitize.ts";

/** Failures grouped by cause, each group with what to do about it. */
export function renderFailures(failures: readonly Failure[]): readonly string[] {
  const byCode = new Map<string, Failure[]>();
  for (const failure of failures) {
    const group = byCode.get(failure.code);
    if (group === undefined) byCode.set(failure.code, [failure]);
    else group.push(failure);
  }
  return [...byCode].flatMap(([code, group]) => [
    `${code} (${group.length}):`,
    ...group.map(({ subject, message }) => `  ${sanitize(subject)}: ${sanitize(message)}`),
    ...[...new Set(group.flatMap(({ hint }) => hint ?? []))].map(
      (hint) => `  hint: ${sanitize(hint)}`,
    ),
  ]);
}
