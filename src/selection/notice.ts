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
  | "modules-missing"
  | "module-empty"
  | "module-name-invalid"
  | "tag-list-missing"
  | "channel-unreadable"
  | "channel-suspended"
  | "pin-unpublished"
  | "extra-image-skipped";
