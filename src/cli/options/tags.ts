import { type LabelSource, type ReadTagsOptions, TAG_ORDERS } from "../../index.ts";
import { BUNDLE_FLAGS } from "./bundle.ts";
import type { FlagTable, FlagValues } from "./flag.ts";
import { parseCount } from "./selection.ts";

export const TAGS_FLAGS = {
  match: {
    type: "string",
    describe: "Tags to show: '2.*', semver:RANGE, regex:EXPRESSION (default: all)",
    group: "Tags:",
  },
  sort: {
    type: "string",
    describe: "Order (default: created for globs and expressions, else semver)",
    choices: TAG_ORDERS,
    group: "Tags:",
  },
  limit: { type: "string", describe: "Most tags to show", group: "Tags:" },
  platform: {
    type: "string",
    describe: "Platform whose images count: os/arch[/variant] (default: the first of each)",
    group: "Tags:",
  },
  "labels-from": {
    type: "list",
    describe: "Where labels and times are: config, container_config, annotations; the first wins",
    group: "Tags:",
  },
  signatures: {
    type: "boolean",
    describe: "Ask for what belongs to each image, to know of all signatures",
    group: "Tags:",
  },
  refresh: {
    type: "boolean",
    describe: "Ask for everything again, however lately it was asked for",
    group: "Tags:",
  },
  strict: {
    type: "boolean",
    describe: "Fail if nothing can be said of a tag",
    group: "Tags:",
  },
  "cache-dir": BUNDLE_FLAGS["cache-dir"],
  "no-cache": BUNDLE_FLAGS["no-cache"],
} as const satisfies FlagTable;

export function toTagsOptions(flags: FlagValues<typeof TAGS_FLAGS>): Partial<ReadTagsOptions> {
  const { limit, match, platform, refresh, signatures, sort } = flags;
  const labelSources = flags["labels-from"];
  return {
    match,
    sort: TAG_ORDERS.find((order) => order === sort),
    ...(limit === undefined ? {} : { limit: parseCount(limit, "limit") }),
    platform,
    // Checked by the library
    ...(labelSources === undefined ? {} : { labelSources: labelSources as readonly LabelSource[] }),
    signatures,
    refresh,
  };
}
