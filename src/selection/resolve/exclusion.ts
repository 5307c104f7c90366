import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { createGlobMatcher } from "../../versions/tag-policy.ts";
import type { RepositoryFilter } from "../grammar/selection.ts";

/** A tag that a range or policy takes, or a repository that is asked for, and that is left out because something else says so. */
export interface Exclusion {
  /** `registry/repository` */
  readonly repository: string;
  /** Missing: all of the repository. */
  readonly tag?: string | undefined;
  readonly reason: string;
  /** Its age decides, and nothing says when it was made. */
  readonly isUndated?: boolean | undefined;
}

/** Why a repository is left out; undefined: it is not. What is excluded is out, whatever includes it. */
export function whyLeftOut(
  repository: RepositoryReference,
  { include, exclude }: RepositoryFilter,
): string | undefined {
  const name = formatReference(repository);
  const excluding = exclude.find((pattern) => createGlobMatcher(pattern)(name));
  if (excluding !== undefined) {
    return `${option("excludeRepositories")} "${excluding}" leaves it out`;
  }
  const isIncluded =
    include.length === 0 || include.some((pattern) => createGlobMatcher(pattern)(name));
  return isIncluded ? undefined : `no ${option("includeRepositories")} names it`;
}

/** Names in a line before the rest is counted. */
const NAMED = 5;

/** A line for each repository and reason. */
export function describeExclusions(
  exclusions: readonly Exclusion[],
): readonly { readonly message: string }[] {
  const groups = new Map<string, Exclusion[]>();
  for (const one of exclusions) {
    const kind =
      one.tag === undefined ? "" : one.reason.replace(/ made at \S+,/, " made too early,");
    const key = `${one.repository} ${kind}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => ({ message: describeGroup(group) }));
}

function describeGroup(group: readonly Exclusion[]): string {
  const [first] = group;
  if (first === undefined) return "";
  const { repository, reason } = first;
  const tags = group.flatMap(({ tag }) => tag ?? []);
  const [only] = tags;
  if (only === undefined) return `"${repository}" is left out: ${reason}`;
  if (tags.length === 1) return `"${repository}:${only}" is left out: ${reason}`;
  const rest = tags.length > NAMED ? ` and ${tags.length - NAMED} more` : "";
  const named = `${tags.slice(0, NAMED).join(", ")}${rest}`;
  return `${tags.length} tags of "${repository}" are left out (${named}): ${reason.replace(/ made at \S+,/, " made too early,")}`;
}
