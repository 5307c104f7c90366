import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { isVersionPolicy } from "../../versions/tag-policy.ts";
import { looksLikeVersion, parseVersion } from "../../versions/tag-version.ts";
import type { Version } from "../../versions/version.ts";
import { walkVersions } from "../../versions/walk-versions.ts";
import { SelectionInvalidError, SelectionUnmatchedError } from "../errors.ts";
import { constraintOf } from "../grammar/range-filter.ts";
import type { Selection } from "../grammar/selection.ts";
import type { ListingFilter } from "../grammar/version-filter.ts";
import { type FoundImage, formatFound, type SourceReader } from "./source-reader.ts";

export interface ListCandidatesOptions {
  readonly selection: Pick<Selection, "proxyRegistry">;
  readonly reader: SourceReader;
  /** Spellings of a version that a walk tries, by what stands before it; default `v` alone. */
  readonly prefixes?: readonly string[];
  /** Which tags are versions. */
  readonly parse?: (tag: string) => Version | undefined;
}

/** Tags that a notice names before it only counts. */
const NAMED_TAGS = 5;

/** The tags that a range can choose from: the tag list, or what a walk finds where there is none (`proxyRegistry`). */
export async function listCandidates(
  repository: RepositoryReference,
  filter: ListingFilter,
  options: ListCandidatesOptions,
): Promise<readonly string[] | undefined> {
  const { selection, reader, prefixes = ["v"] } = options;
  if (!selection.proxyRegistry) {
    const tags = await reader.listTags(repository);
    if (tags !== undefined && isByVersion(filter)) reportUnread(repository, tags, options);
    return tags;
  }
  if (filter.kind !== "range") {
    throw new SelectionInvalidError(
      `${option("proxyRegistry")} with a policy for "${formatReference(repository)}"`,
      "without a list of tags only the versions of a range can be asked for",
      { hint: "Write a range or an exact tag behind @" },
    );
  }
  const found: string[] = [];
  await walkVersions(constraintOf(filter), async ({ text }) => {
    for (const tag of prefixes.map((prefix) => prefix + text)) {
      if ((await reader.findManifest(repository, tag)) === undefined) continue;
      found.push(tag);
      return true;
    }
    return false;
  });
  return found;
}

function isByVersion(filter: ListingFilter): boolean {
  return filter.kind === "range" || filter.policies.some(isVersionPolicy);
}

/** The image of a tag that was chosen from a list. */
export async function findListed(
  repository: RepositoryReference,
  tag: string,
  reader: SourceReader,
): Promise<FoundImage> {
  const manifest = await reader.findManifest(repository, tag);
  if (manifest !== undefined) return { repository, reference: tag, manifest };
  throw new SelectionUnmatchedError(
    `image "${formatFound(repository, tag)}"`,
    "the repository lists the tag, but does not have it",
  );
}

/** What no range can take although a reader would think so. */
export function reportUnread(
  repository: RepositoryReference,
  tags: readonly string[],
  { reader, parse = parseVersion }: Pick<ListCandidatesOptions, "reader" | "parse">,
): void {
  const unread = tags.filter((tag) => looksLikeVersion(tag) && parse(tag) === undefined).toSorted();
  if (unread.length === 0) return;
  const named = unread.slice(0, NAMED_TAGS).join(", ");
  const rest = unread.length > NAMED_TAGS ? ` and ${unread.length - NAMED_TAGS} more` : "";
  const place = `of "${formatReference(repository)}"`;
  const message =
    unread.length === 1
      ? `1 tag ${place} looks like a version and is none: no range takes it (${named})`
      : `${unread.length} tags ${place} look like versions and are none: no range takes them (${named}${rest})`;
  reader.notice("TAGS_UNREAD", message);
}
