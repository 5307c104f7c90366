import type { Failure } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";
import { formatCount } from "../units.ts";

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

const IMAGES_SHOWN = 5;

/** A damaged layer fails many images: what is wrong with it is said once. */
function renderCause(message: string, failures: readonly Failure[]): readonly string[] {
  const subjects = failures.map(({ subject }) => sanitize(subject));
  const images = [...new Set(failures.flatMap((failure) => failure.images ?? []))];
  const needed = images.slice(0, IMAGES_SHOWN).map((image) => `    needed by: ${sanitize(image)}`);
  const rest = images.length - IMAGES_SHOWN;
  if (rest > 0) needed.push(`    needed by: ${formatCount(rest, "more image")}`);
  if (subjects.length === 1) return [`  ${subjects[0]}: ${sanitize(message)}`, ...needed];
  return [`  ${sanitize(message)}`, ...subjects.map((subject) => `    ${subject}`), ...needed];
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
