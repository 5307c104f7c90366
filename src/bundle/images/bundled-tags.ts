import type { ImageKind } from "../../contents/contents.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { LayoutTable } from "../format/layout-table.ts";

/** One tag that a bundle publishes. */
export interface BundledTag {
  readonly layout: LayoutTable;
  /** Repository path below the target; empty for the target itself. */
  readonly repository: string;
  readonly tag: string;
  readonly root: Descriptor;
  readonly kind: ImageKind;
  /** Full reference in the registry it came from, as the layout says; empty if it does not. */
  readonly source: string;
  /** Its name is a tag alone: tools write that which export one image. The repository is the layout's own. */
  readonly isBare?: true;
}

/** A manifest that is published without a tag: clients find it by its subject. */
export interface BundledReferrer {
  readonly layout: LayoutTable;
  /** Repository path below the target. */
  readonly repository: string;
  readonly root: Descriptor;
  readonly kind: ImageKind;
  readonly subject: Digest;
  /** Full reference in the registry it came from; empty if the layout does not say. */
  readonly source: string;
}

export interface BundledTags {
  readonly tags: readonly BundledTag[];
  readonly referrers: readonly BundledReferrer[];
  /** What nothing can be published for. */
  readonly unnamed: readonly UnnamedManifest[];
  /** What another image of the same name takes the place of. */
  readonly repeated?: readonly BundledTag[];
}

/** A descriptor without a tag, or with a name that is none. */
export interface UnnamedManifest {
  readonly layout: LayoutTable;
  readonly digest: Digest;
  readonly descriptor: Descriptor;
}
