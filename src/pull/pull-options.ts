import type { BundleImage, BundleManifest, BundleTotals } from "../bundle/read/bundle-manifest.ts";
import type { PackageKind } from "../contents/contents.ts";
import type { Failure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { NamedChartImage } from "../selection/resolve/charts/resolve-chart-images.ts";
import type { Exclusion } from "../selection/resolve/exclusion.ts";
import type { OperationOptions, SourceRepository, WebSource } from "../store/store.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";
import type { Wishes } from "./directory/wishes.ts";
import type { PullEvent } from "./events.ts";

interface PlanPullSettings extends OperationOptions {
  /** Directory of the bundle; created if missing. Planning writes nothing to it. */
  readonly bundlePath: string;
  /** Opens a repository for reading; called once per repository. */
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  /** Where charts of Helm repositories come from; default: nowhere, and they are refused. */
  readonly web?: WebSource | undefined;
  /** Largest size of one file; default: packages are not split. */
  readonly chunkSizeBytes?: number | undefined;
  /**
   * Directory for what was read from sources, and is read again by later plans and pulls; default: none. It may be used
   * by several at once, and removed at any time.
   */
  readonly cacheDirectory?: string | undefined;
  /** Most bytes that the cache takes; default 2 GiB. */
  readonly cacheLimitBytes?: number | undefined;
  /** What images have to be signed with, looked at before anything large is fetched; default: nothing. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  readonly onEvent?: ((event: PullEvent) => void) | undefined;
}

interface PullSettings extends PlanPullSettings {
  /** Downloads that run at once; default 6. */
  readonly concurrency?: number | undefined;
  /** Replace a complete bundle, reusing its blobs. */
  readonly force?: boolean | undefined;
  /** Write the Streebog-256 of every package file beside it. */
  readonly gostDigest?: boolean | undefined;
  /**
   * False: package files are not hashed, and there is no `SHA256SUMS`. Every blob is still compared with its digest; what a copy of
   * the bundle has lost outside of them shows only where `bundle.json` tells what must be there.
   */
  readonly checksums?: boolean | undefined;
  /** False: drop what an unfinished pull left, and start over. */
  readonly resume?: boolean | undefined;
}

export type PlanPullOptions = PlanPullSettings & Wishes;
export type PullOptions = PullSettings & Wishes;

export const PULL_PLAN_MEDIA_TYPE = "application/vnd.airgap-mirror.plan.v1+json";

/** What a pull would do (docs/plan.md). */
export interface PullPlanReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof PULL_PLAN_MEDIA_TYPE;
  readonly packages: readonly PlannedPackageReport[];
  /** Files beside the packages. */
  readonly extraFiles?: readonly { readonly name: string; readonly size: number }[];
  readonly totals: BundleTotals;
  /** Bytes of all package files. */
  readonly bytes: number;
  /** Bytes of the distinct manifests and blobs. */
  readonly fetchBytes: number;
  /** Of these, what neither the directory, from an earlier pull, nor the cache seems to have. */
  readonly missingBytes: number;
  /** Bytes of manifests and image files that were fetched to make the plan. */
  readonly resolvedBytes: number;
  /** Bytes that have to be free for the pull. */
  readonly neededBytes: number;
  /** Free bytes on the file system of the bundle; missing where it cannot be asked. */
  readonly freeBytes?: number;
  /** What is left out because the selection says so, with the reason. */
  readonly exclusions: readonly Exclusion[];
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  readonly notices: readonly Notice[];
  /** Images that cannot be had; a pull brings the rest. */
  readonly failures: readonly Failure[];
  /** Images that charts name, with their places, taken or not; missing: none. */
  readonly chartImages?: readonly NamedChartImage[];
}

export interface PlannedPackageReport {
  readonly name: string;
  readonly kind: PackageKind;
  readonly size: number;
  readonly files: readonly { readonly name: string; readonly size: number }[];
  /** Of all layouts. */
  readonly images: readonly BundleImage[];
}

interface PullOutcomeBase {
  readonly bundlePath: string;
  /** Bytes of the files of the bundle. */
  readonly bytes: number;
  readonly fetchedBytes: number;
  /** Bytes that were on disk already. */
  readonly reusedBytes: number;
  /** Bytes written a second time because two layouts share a blob. */
  readonly copiedBytes: number;
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  /** Blobs that could not be had; the same pull tries them again and keeps the rest. */
  readonly failures: readonly Failure[];
  /** Images that charts name, with their places, taken or not; missing: none. */
  readonly chartImages?: readonly NamedChartImage[];
}

/** What a pull came to. */
export type PullOutcome = PullOutcomeBase &
  (
    | { readonly complete: true; readonly manifest: BundleManifest }
    | { readonly complete: false; readonly manifest?: never }
  );

export const PULL_MEDIA_TYPE = "application/vnd.airgap-mirror.pull.v1+json";

/** What a pull did. */
export type PullSummary = PullOutcome & {
  readonly schemaVersion: 1;
  readonly mediaType: typeof PULL_MEDIA_TYPE;
  readonly notices: readonly Notice[];
};

/** Threads that hash the files of a bundle while they are written. */
export function busyThreadsOf({ checksums }: Pick<PullSettings, "checksums">): number {
  return checksums === false ? 0 : 1;
}
