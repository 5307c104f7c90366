import type { DiffSide } from "../diff/compare-contents.ts";
import type { Failure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import type { PullEvent } from "../pull/events.ts";
import type { NewerTags } from "./find-newer.ts";

export const OUTDATED_MEDIA_TYPE = "application/vnd.airgap-mirror.outdated.v1+json";

/** What a source has now against what was taken of it (docs/outdated.md). */
export interface OutdatedReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof OUTDATED_MEDIA_TYPE;
  /** When the source was asked, RFC 3339. */
  readonly checkedAt: string;
  readonly against: DiffSide;
  /** Whether a pull would bring or change anything, or something is gone. */
  readonly isOutdated: boolean;
  readonly newTags: readonly NewTag[];
  readonly movedTags: readonly MovedTag[];
  /** The source does not have them any more. */
  readonly goneTags: readonly GoneTag[];
  /** The source has them, and the selection does not take them any more. */
  readonly leftTags: readonly GoneTag[];
  /** What is named by one tag and has newer versions of the same shape; no pull brings them. */
  readonly newerTags: readonly NewerTags[];
  /** Names that only digests have, new and not needed any more: parts of modules, signatures. */
  readonly unnamed: { readonly added: number; readonly removed: number };
  /** Bytes to fetch: of a bundle exactly, of all else with layers that images share counted for each. */
  readonly bytes: number;
  readonly notices: readonly Notice[];
  /** What the selection asks for and the source does not have, and images that cannot be had. */
  readonly failures: readonly Failure[];
}

export interface NewTag {
  /** Path below a target. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
  readonly size?: number | undefined;
  /** Full reference in the source. */
  readonly source?: string | undefined;
}

export interface MovedTag extends NewTag {
  /** What it pointed at. */
  readonly from: Digest;
}

export interface GoneTag {
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
}

export type OutdatedEvent =
  | PullEvent
  | ({ readonly type: "newTag" } & NewTag)
  | ({ readonly type: "movedTag" } & MovedTag)
  | ({ readonly type: "goneTag" } & GoneTag)
  | ({ readonly type: "newerTags" } & NewerTags);
