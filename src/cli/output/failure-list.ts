import type { Failure } from "../../index.ts";
import { sanitize } from "./sanitize.ts";

/** Failures grouped by code and cause, each code with what to do about it. */
export function renderFailures(failures: readonly Failure[]): readonly string[] {
  return [...groupBy(failures, ({ code }) => code)].flatMap(([code, group]) => [
    `${code} (${group.length}):`,
    ...[...groupBy(group, ({ message }) => message)].flatMap(([message, same]) =>
      renderCause(message, same),
    ),
    ...[...new Set(group.flatMap(({ hint }) => hint ?? []))].map(
      (hint) => `  hint: ${sanitize(hint)}`,
    ),
  ]);
}

/** A damaged layer fails many images: what is wrong with it is said once. */
function renderCause(message: string, failures: readonly Failure[]): readonly string[] {
  const subjects = failures.map(({ subject }) => sanitize(subject));
  if (subjects.length === 1) return [`  ${subjects[0]}: ${sanitize(message)}`];
  return [`  ${sanitize(message)}`, ...subjects.map((subject) => `    ${subject}`)];
}

function groupBy(
  failures: readonly Failure[],
  keyOf: (failure: Failure) => string,
): ReadonlyMap<string, readonly Failure[]> {
  const groups = new Map<string, Failure[]>();
  for (const failure of failures) {
    const group = groups.get(keyOf(failure));
    if (group === undefined) groups.set(keyOf(failure), [failure]);
    else group.push(failure);
  }
  return groups;
}
