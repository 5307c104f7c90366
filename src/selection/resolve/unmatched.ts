import { MirrorError } from "../../errors.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { mapLimited } from "../../run/map-limited.ts";
import { parseImageVersion } from "../../versions/tag-version.ts";
import { isDigestTag } from "../documents/digest-tag.ts";
import { SelectionUnmatchedError } from "../errors.ts";
import { nearestNames } from "../grammar/nearest.ts";
import { sortTags } from "../grammar/version-filter.ts";
import type { Family } from "./product/family.ts";
import type { SourceReader } from "./source-reader.ts";

export interface MissingModule {
  readonly family: Pick<Family, "noun">;
  readonly name: string;
  readonly repository: RepositoryReference;
  /** Repository whose tags are the names of the modules. */
  readonly catalog: RepositoryReference;
}

/** Tags that a hint lists before it only counts. */
const LISTED_TAGS = 8;

/**
 * Waits for all tasks. What the source does not have is reported together, in the order of the tasks; any other
 * failure at once.
 */
export async function allMatched<Value>(tasks: readonly Promise<Value>[]): Promise<Value[]> {
  return valuesOf(await Promise.all(tasks.map(orUnmatched)));
}

/** The same for work that is begun for so many items at a time, as there may be very many of them. */
export async function allMatchedOf<Item, Value>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<Value>,
): Promise<Value[]> {
  return valuesOf(await mapLimited(items, atOnce, (item) => orUnmatched(work(item))));
}

async function orUnmatched<Value>(task: Promise<Value>): Promise<Value | SelectionUnmatchedError> {
  try {
    return await task;
  } catch (error) {
    if (!(error instanceof SelectionUnmatchedError)) throw error;
    return error;
  }
}

function valuesOf<Value>(results: readonly (Value | SelectionUnmatchedError)[]): Value[] {
  const errors = results.filter((result) => result instanceof SelectionUnmatchedError);
  if (errors.length > 0) throw joinUnmatched(errors.flatMap(({ parts }) => parts));
  return results as Value[];
}

function joinUnmatched(parts: readonly SelectionUnmatchedError[]): SelectionUnmatchedError {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const list = parts.map(({ message, hint }) => {
    const reason = message.replace(/^Cannot find /, "");
    return hint === undefined ? reason : `${reason} (${hint})`;
  });
  return new SelectionUnmatchedError(`${parts.length} things`, list.join("; "), { parts });
}

/** Nothing of a module can be selected: tells an unknown name from a module without such versions. */
export async function moduleUnmatched(
  { family, name, repository, catalog }: MissingModule,
  { reader, subject, reason, wanted }: ModuleUnmatchedOptions,
): Promise<SelectionUnmatchedError> {
  const tags = await tryList(reader, repository);
  if (tags !== undefined) {
    return new SelectionUnmatchedError(subject, reason, tagSuggestion(tags, wanted));
  }
  const listed = await tryList(reader, catalog);
  const names = listed === undefined || listed === "refused" ? [] : listed;
  if (names.includes(name)) {
    return new SelectionUnmatchedError(
      `${family.noun} "${name}"`,
      `"${formatReference(catalog)}" lists it, but there is no repository "${formatReference(repository)}"`,
    );
  }
  const nearest = nearestNames(name, names);
  return new SelectionUnmatchedError(
    `${family.noun} "${name}"`,
    `the source has neither the name in "${formatReference(catalog)}" nor a repository "${formatReference(repository)}"`,
    { nearest, hint: nameHint(nearest, names) },
  );
}

export interface ModuleUnmatchedOptions {
  readonly reader: SourceReader;
  /** What was looked for, if the module exists. */
  readonly subject: string;
  readonly reason: string;
  /** The tag that was asked for. */
  readonly wanted?: string | undefined;
}

/** A repository does not have what was asked for, or does not exist. */
export async function imageUnmatched(
  repository: RepositoryReference,
  { reader, subject, reason, wanted }: ModuleUnmatchedOptions,
): Promise<SelectionUnmatchedError> {
  const tags = await tryList(reader, repository);
  if (tags !== undefined) {
    return new SelectionUnmatchedError(subject, reason, tagSuggestion(tags, wanted));
  }
  return new SelectionUnmatchedError(
    subject,
    `there is no repository "${formatReference(repository)}"`,
    {
      hint: "Check the name, and log in if the repository is private; where a registry has it and lists no tags, name the tag",
    },
  );
}

export interface UnpublishedRelease {
  /** Reference of the release image. */
  readonly image: string;
  readonly reason: string;
  readonly tag: string;
  readonly channel: string;
  readonly hint: string;
}

/** A channel that the user named cannot get the version. */
export function channelUnmatched({ image, reason, tag, channel, hint }: UnpublishedRelease) {
  return new SelectionUnmatchedError(
    `release image "${image}"`,
    `${reason}: "${tag}" cannot be published to channel ${channel}`,
    { hint },
  );
}

/** The tags of a repository for a hint: newest versions first, the rest counted. */
function listTagsForHint(tags: readonly string[]): string {
  const sorted = sortTags(tags, parseImageVersion);
  const versions = sorted.filter((tag) => parseImageVersion(tag) !== undefined).reverse();
  const others = sorted.filter((tag) => parseImageVersion(tag) === undefined);
  const all = [...versions, ...others];
  const listed = all.slice(0, LISTED_TAGS).join(", ");
  return all.length > LISTED_TAGS ? `${listed} and ${all.length - LISTED_TAGS} more` : listed;
}

function tagSuggestion(all: TagList, wanted: string | undefined) {
  if (all === "refused") return {};
  const tags = all.filter((tag) => !isDigestTag(tag));
  if (tags.length === 0) return { hint: "Check the source: the repository has no tags" };
  const nearest = wanted === undefined ? [] : nearestNames(wanted, tags);
  const best = nearest.map((tag) => `"${tag}"`).join(" or ");
  const listed = listTagsForHint(tags);
  const hint = best === "" ? `Choose from ${listed}` : `Did you mean ${best}? There are ${listed}`;
  return { nearest, hint };
}

function nameHint(nearest: readonly string[], names: readonly string[]): string {
  if (nearest.length > 0) return `Did you mean ${nearest.map((name) => `"${name}"`).join(" or ")}?`;
  if (names.length === 0) return `Check ${option("source")} and ${option("modulesPathSuffix")}`;
  const sorted = names.toSorted();
  const listed = sorted.slice(0, LISTED_TAGS).join(", ");
  return `Choose from ${listed}${sorted.length > LISTED_TAGS ? ` and ${sorted.length - LISTED_TAGS} more` : ""}`;
}

/** `refused`: what is there is not known. */
type TagList = readonly string[] | "refused";

/** A hint is not worth another failure. */
async function tryList(
  reader: SourceReader,
  repository: RepositoryReference,
): Promise<TagList | undefined> {
  try {
    return await reader.listTags(repository);
  } catch (error) {
    if (error instanceof MirrorError) return "refused";
    throw error;
  }
}
