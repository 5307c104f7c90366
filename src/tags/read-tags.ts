import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { collectNotices } from "../notice.ts";
import { parsePlatform } from "../oci/platform.ts";
import { formatReference } from "../oci/reference.ts";
import {
  createTagMatcher,
  isVersionPolicy,
  parseTagPolicy,
  type TagPolicy,
} from "../versions/tag-policy.ts";
import { countRequests } from "./count-requests.ts";
import { LABEL_SOURCES } from "./label-sources.ts";
import { lookAtList } from "./list-look.ts";
import {
  type ReadTagsOptions,
  TAG_ORDERS,
  TAGS_MEDIA_TYPE,
  type TagsEvent,
  type TagsReport,
} from "./read-tags-options.ts";
import { RepositoryRecords } from "./repository-records.ts";
import { describeError, formatTime, type ScanWishes, TagScan } from "./tag-scan.ts";

/**
 * The tags of a repository with what their images say of themselves. A tag costs two requests at most (one more for each
 * platform of an index), one where it has not moved, and none as long as it is believed; a scan that is cut off goes on where
 * it was. Where the registry cannot be asked, what is known is told with its age.
 */
export async function readTags(options: ReadTagsOptions): Promise<TagsReport> {
  const wishes = parseWishes(options);
  const { notices, onEvent } = collectNotices<TagsEvent>(options.onEvent);
  const { repository, signal, now = Date.now } = options;
  const name = formatReference(repository);
  await using records = await RepositoryRecords.open(options.cacheDirectory, repository);
  const counted = countRequests(options.openSource(repository), name, onEvent);
  const { source } = counted;
  const refresh = options.refresh ?? false;
  const { list, error } = await lookAtList({ source, records, now, refresh, signal });
  const scan = new TagScan({ options, wishes, records, source, list, onEvent, now });
  if (error !== undefined) scan.stop(error);
  const matching = list.tags.filter((tag) => wishes.matches(tag));
  const tags = await scan.run(matching);
  const { failures } = scan;
  for (const failure of failures)
    onEvent({ type: "notice", code: "TAG_UNREADABLE", message: failure.message });
  const { lastError } = scan;
  return {
    schemaVersion: 1,
    mediaType: TAGS_MEDIA_TYPE,
    repository: name,
    listedAt: formatTime(list.checkedAt),
    totals: { tags: list.tags.length, matching: matching.length },
    tags,
    requests: counted.count(),
    ...(lastError === undefined ? {} : { lastError: describeError(lastError) }),
    notices,
    failures,
  };
}

function parseWishes(options: ReadTagsOptions): ScanWishes {
  checkOptions(options, {
    repository: "object",
    openSource: "function",
    cacheDirectory: "text?",
    match: "text?",
    sort: "text?",
    limit: "count?",
    platform: "text?",
    labelSources: "texts?",
    signatures: "switch?",
    refresh: "switch?",
    concurrency: "count?",
    onEvent: "function?",
    now: "function?",
    signal: "signal?",
  });
  const { labelSources = LABEL_SOURCES, match, platform, sort } = options;
  const policy = match === undefined ? undefined : parseMatch(match);
  if (sort !== undefined && !TAG_ORDERS.includes(sort)) {
    throw new OptionInvalidError("sort", `it is not one of ${TAG_ORDERS.join(", ")}`);
  }
  const unknown = labelSources.find((name) => !LABEL_SOURCES.includes(name));
  if (unknown !== undefined) {
    throw new OptionInvalidError(
      "labelSources",
      `"${unknown}" is not one of ${LABEL_SOURCES.join(", ")}`,
    );
  }
  return {
    matches: policy === undefined ? () => true : createTagMatcher(policy),
    order: sort ?? (policy === undefined || isVersionPolicy(policy) ? "semver" : "created"),
    platform: platform === undefined ? undefined : parsePlatform(platform),
    labelSources,
  };
}

function parseMatch(text: string): TagPolicy {
  try {
    return parseTagPolicy(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    const hint = "Write semver:~1.2, glob:2.* or regex:^[0-9]+-alpine$";
    throw new OptionInvalidError("match", cause.message, { hint, cause });
  }
}
