import type { Notice } from "../notice.ts";

export interface SelectionNotice extends Notice {
  readonly code: SelectionNoticeCode;
}

export type SelectionNoticeCode =
  /** What a range, a policy or a name takes is left out, because something else says so. */
  | "LEFT_OUT"
  /** How many requests it took to know when images were made. */
  | "TIMES_READ"
  /** What is excluded is included as well, or nothing is left that could be excluded. */
  | "EXCLUDE_IGNORED"
  | "EXCLUDE_UNKNOWN"
  | "NO_MODULES_IGNORED"
  | "NO_PACKAGES_IGNORED"
  | "PLATFORM_OPTION_IGNORED"
  | "INSTALLER_TAG_IGNORED"
  | "SINCE_IGNORED"
  | "VEX_SKIPPED"
  /** Charts are taken, and nothing is said of their images. */
  | "CHART_IMAGES_NOT_ASKED"
  /** What a chart names, or seems to name, and the bundle does not have. */
  | "CHART_IMAGE_NOT_TAKEN"
  | "CHART_IMAGES_UNREAD"
  | "CHART_DEPRECATED"
  /** Entries of an index that cannot be used. */
  | "CHART_ENTRIES_UNREAD"
  /** A repository lists a chart that lies in a registry. */
  | "CHART_ELSEWHERE"
  | "CHART_PROVENANCE_UNREADABLE"
  /** What only a tag list could tell is not taken from a source that lists none. */
  | "PROXY_UNLISTED"
  /** A component that no flag asks for is not in the source, or nobody may read it. */
  | "COMPONENTS_MISSING"
  | "COMPONENT_DENIED"
  | "SECURITY_DATABASE_MISSING"
  | "STANDALONE_INSTALLER_MISSING"
  | "PLUGINS_NOT_CHOSEN"
  /** A plugin needs something of the cluster that is not taken. */
  | "PLUGIN_UNMET"
  | "RELEASE_FILE_UNREADABLE"
  | "MODULES_MISSING"
  | "MODULE_EMPTY"
  | "MODULE_NAME_INVALID"
  | "TAG_LIST_MISSING"
  /** Tags that look like versions and that no range can take. */
  | "TAGS_UNREAD"
  | "CHANNEL_UNREADABLE"
  /** A channel of the platform points at a tag that cannot be compared with others. */
  | "CHANNEL_UNORDERED"
  | "CHANNEL_SUSPENDED"
  /** Its version is excluded, so it would point at nothing. */
  | "CHANNEL_EXCLUDED"
  | "PIN_UNPUBLISHED"
  | "EXTRA_IMAGE_SKIPPED"
  | "IMAGE_LIST_MISSING";
