import type { Failure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import type { ManifestRemover, OperationOptions, SourceRepository } from "../store/store.ts";
import type { TargetPlace } from "../target/target.ts";
import type { PolicyLimits } from "./keep-policies.ts";
import type { PruneEntry, PruneList } from "./prune-list.ts";

export interface PlanPruneOptions extends TargetPlace, OperationOptions, PolicyLimits {
  /** Directories or files of bundles: what a push of them publishes is kept. */
  readonly keepBundles?: readonly string[] | undefined;
  /** Files of locks: likewise. */
  readonly keepLocks?: readonly string[] | undefined;
  /**
   * `path[@policy]` below the target, with `*` for any text: what a pull would take is kept. Without bundles and locks nothing
   * is touched but what the policies speak of.
   */
  readonly policies?: readonly string[] | undefined;
  /** Path of the modules below the target; default `modules`. */
  readonly modulesPathSuffix?: string | undefined;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
}

export interface ApplyPruneOptions
  extends TargetPlace<SourceRepository & ManifestRemover>,
    OperationOptions {
  readonly list: PruneList;
  readonly onNotice?: ((notice: Notice) => void) | undefined;
  /** Called for each manifest that is deleted. */
  readonly onDeleted?: ((entry: PruneEntry) => void) | undefined;
}

export const PRUNE_MEDIA_TYPE = "application/vnd.airgap-mirror.prune.v1+json";

/** What was deleted. */
export interface PruneSummary {
  readonly schemaVersion: 1;
  readonly mediaType: typeof PRUNE_MEDIA_TYPE;
  readonly target: string;
  /** Whether nothing of the list is left but what is needed by now. */
  readonly complete: boolean;
  readonly deleted: readonly PruneEntry[];
  /** Of the list, and not there any more. */
  readonly goneCount: number;
  /** Of the list, and needed since it was made. */
  readonly kept: readonly (PruneEntry & { readonly reason: string })[];
  readonly failures: readonly Failure[];
  readonly notices: readonly Notice[];
}
