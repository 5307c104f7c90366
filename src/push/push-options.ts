import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, TargetRepository } from "../store/store.ts";
import type { PushEvent } from "./events.ts";

export interface PushOptions extends OperationOptions {
  /** Directory of a bundle, or one package file of it. */
  readonly bundlePath: string;
  readonly target: RepositoryReference;
  /** Opens a repository for writing; called once per repository. */
  readonly openTarget: (reference: RepositoryReference) => TargetRepository;
  /** Where modules go below the target; default `modules`, `/`: directly below it. */
  readonly modulesPathSuffix?: string | undefined;
  /** Transfers that run at once; default 4. */
  readonly concurrency?: number | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}
