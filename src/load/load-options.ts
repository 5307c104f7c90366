import type { PushEvent } from "../push/events.ts";
import type { Receipt } from "../push/receipt.ts";
import type { OperationOptions } from "../store/store.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";

export interface LoadOptions extends OperationOptions {
  /** Directories of bundles, or package files. */
  readonly bundlePaths: readonly string[];
  /** `containerd:///run/containerd/containerd.sock?namespace=k8s.io`, `docker://local`, `podman://local`. */
  readonly target: string;
  /** What images have to be signed with, looked at before anything is loaded; default: nothing. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  /** Of the programs `ctr`, `docker` and `podman`; default: that of this process. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Called when the run ends early, with what it did until then, before the failure is thrown. */
  readonly onPartialReceipt?: ((receipt: Receipt) => void) | undefined;
  readonly onEvent?: ((event: PushEvent) => void) | undefined;
}

export type PlanLoadOptions = Pick<
  LoadOptions,
  "bundlePaths" | "target" | "env" | "requireSignatures" | "signal"
>;
