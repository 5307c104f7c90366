import type { Clock } from "../io/clock.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, TargetRepository } from "../store/store.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";
import type { PushEvent } from "./events.ts";
import type { FollowerWishes } from "./followers/choose-followers.ts";
import type { Receipt } from "./receipt/receipt.ts";

export interface PushOptions extends OperationOptions, FollowerWishes {
  /** Directory of a bundle, or one package file of it. */
  readonly bundlePath: string;
  readonly target: RepositoryReference;
  /** Opens a repository for writing; called once per repository. */
  readonly openTarget: (reference: RepositoryReference) => TargetRepository;
  /** Where modules go below the target; default `modules`, `/`: directly below it. */
  readonly modulesPathSuffix?: string | undefined;
  /** Tag of the one image that has none, in an image layout or an archive of another program. */
  readonly tag?: string | undefined;
  /** What images have to be signed with, looked at before anything is sent; default: nothing. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  /** Transfers that run at once; default 4. */
  readonly concurrency?: number | undefined;
  /**
   * Believe the target: not to ask for everything below a tag that has the planned digest, nor for what it has just
   * taken; default false.
   */
  readonly trustTarget?: boolean | undefined;
  /** Called when the run ends early, with what it did until then, before the failure is thrown. */
  readonly onPartialReceipt?: ((receipt: Receipt) => void) | undefined;
  /** Default: that of the machine. */
  readonly clock?: Clock | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

export interface PushAllOptions extends Omit<PushOptions, "bundlePath"> {
  /** Directories of bundles and package files, in the order in which they are pushed. */
  readonly bundlePaths: readonly string[];
}

export type PlanPushAllOptions = Pick<
  PushAllOptions,
  | "bundlePaths"
  | "target"
  | "modulesPathSuffix"
  | "tag"
  | "requireSignatures"
  | keyof FollowerWishes
>;
