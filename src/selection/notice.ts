/** Something the user should know and that is no failure. */
export interface SelectionNotice {
  /** Stable: scripts match these, never messages. */
  readonly code: SelectionNoticeCode;
  readonly message: string;
}

export type SelectionNoticeCode =
  /** An excluded module is included as well, or nothing is left that could be excluded. */
  | "exclude-ignored"
  | "exclude-constraint-ignored"
  | "exclude-unknown"
  | "no-modules-ignored"
  | "no-packages-ignored"
  | "platform-flag-ignored"
  | "installer-tag-ignored"
  | "since-ignored"
  | "vex-skipped"
  /** What only a tag list could tell is not taken from a source that lists none. */
  | "proxy-unlisted"
  /** A component that no flag asks for is not in the source, or nobody may read it. */
  | "components-missing"
  | "component-denied"
  | "security-database-missing"
  | "standalone-installer-missing"
  | "plugins-not-chosen"
  /** A plugin needs something of the cluster that is not taken. */
  | "plugin-unmet"
  | "release-file-unreadable"
  | "modules-missing"
  | "module-empty"
  | "module-name-invalid"
  | "tag-list-missing"
  | "channel-unreadable"
  /** A channel of the platform points at a tag that cannot be compared with others. */
  | "channel-unordered"
  | "channel-suspended"
  | "pin-unpublished"
  | "extra-image-skipped"
  | "image-list-missing";
