import type { PushEvent } from "../push/events.ts";
import type { Receipt } from "../push/receipt/receipt.ts";
import type { OperationOptions } from "../store/store.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";

export interface LoadOptions extends OperationOptions {
  /** Directories of bundles, or package files. */
  readonly bundlePaths: readonly string[];
  /** `containerd:///run/containerd/containerd.sock?namespace=k8s.io`, `docker://local`, `podman://local`. */
  readonly target: string;
  /** Names with `*` for any text; one of them has to match. Default: every image. */
  readonly images?: readonly string[] | undefined;
  /**
   * `os/architecture[/variant]`; indexes are rewritten to these. A runtime that takes one platform of an image takes one here.
   * Default: all that the bundle has, or the one of the machine.
   */
  readonly platforms?: readonly string[] | undefined;
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
  "bundlePaths" | "target" | "images" | "platforms" | "env" | "requireSignatures" | "signal"
>;
