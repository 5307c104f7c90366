import { compareTexts } from "../../compare-texts.ts";
import { option } from "../../option.ts";
import { SelectionInvalidError } from "../errors.ts";
import type { NewerThan, RepositoryFilter, TagLimits } from "./selection.ts";
import { parsePolicy, sortPolicies } from "./selector.ts";

export interface TagWishes {
  /** Of each range or policy, take so many of the newest tags. */
  readonly latest?: number | undefined;
  /** Of each range or policy, take what is not older: `90d`, `12h`, or a day, `2026-01-31`. */
  readonly newerThan?: string | undefined;
  /** Tags to leave out: `glob:*-rc*`, `regex:…`, `semver:…`; what names no kind is a glob. */
  readonly excludeTags?: readonly string[] | undefined;
  /** Take only images, modules and packages of these repositories; `*` stands for any text. */
  readonly includeRepositories?: readonly string[] | undefined;
  /** Leave these repositories out, also where they are named. */
  readonly excludeRepositories?: readonly string[] | undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

const DAY = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

export function parseTagLimits({ latest, newerThan, excludeTags = [] }: TagWishes): TagLimits {
  return {
    ...(latest === undefined ? {} : { latest }),
    ...(newerThan === undefined ? {} : { newerThan: parseNewerThan(newerThan) }),
    excludeTags: sortPolicies(excludeTags.map((text) => parsePolicy(text, "excludeTags"))),
  };
}

export function parseRepositoryFilter({
  includeRepositories = [],
  excludeRepositories = [],
}: TagWishes): RepositoryFilter {
  return {
    include: parsePatterns(includeRepositories, "includeRepositories"),
    exclude: parsePatterns(excludeRepositories, "excludeRepositories"),
  };
}

/** Times a day, an hour and so on, or a point in time. */
function parseNewerThan(text: string): NewerThan {
  const trimmed = text.trim();
  if (DAY.test(trimmed) && !Number.isNaN(Date.parse(trimmed))) {
    return { kind: "date", date: new Date(trimmed).toISOString() };
  }
  const parts = [...trimmed.matchAll(/(\d+(?:\.\d+)?)([smhdw])/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === trimmed;
  const ms = parts.reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (UNIT_MS[unit] ?? 0),
    0,
  );
  if (isWhole && ms > 0 && Number.isSafeInteger(Math.round(ms))) return { kind: "age", ms };
  throw new SelectionInvalidError(
    `${option("newerThan")} "${text}"`,
    "it is neither an age nor a day",
    { hint: 'Write an age as "90d", "12h" or "2w", or a day as "2026-01-31"' },
  );
}

/** The first moment that is new enough. */
export function thresholdOf(newerThan: NewerThan, now: number): number {
  return newerThan.kind === "date" ? Date.parse(newerThan.date) : now - newerThan.ms;
}

function parsePatterns(
  texts: readonly string[],
  from: "includeRepositories" | "excludeRepositories",
): readonly string[] {
  const patterns = texts.map((text) => {
    const pattern = text.trim();
    if (/^[a-z0-9*][a-z0-9*._:/[\]-]{0,511}$/i.test(pattern)) return pattern;
    throw new SelectionInvalidError(
      `${option(from)} "${text}"`,
      pattern === "" ? "the pattern is empty" : "it is no name of a repository",
      { hint: 'Write registry and path, with * for any text: "docker.io/library/*"' },
    );
  });
  return [...new Set(patterns)].sort(compareTexts);
}
