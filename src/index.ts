/** `airgap-mirror`: pull, push, verify and inspect bundles. Registries and the OCI vocabulary: `airgap-mirror/oci`. */

export {
  BundleContentMismatchError,
  BundleCorruptError,
  BundleDirectoryOccupiedError,
  BundleMissingError,
  BundleVersionError,
} from "./bundle/errors.ts";
export { type BundleStore, openBundleStore } from "./bundle/images/bundle-store.ts";
export type {
  BundleFile,
  BundleImage,
  BundleLayout,
  BundleManifest,
  BundlePackage,
  BundleTotals,
} from "./bundle/read/bundle-manifest.ts";
export { type ParseByteSizeOptions, parseByteSize } from "./byte-size.ts";
export {
  type CachedImage,
  type CacheReport,
  inspectCache,
  pruneCache,
  removeFromCache,
} from "./cache/served/pull-cache.ts";
export type { ClientDocument, ClientNotice } from "./clients/client-document.ts";
export type { ClientCredential, ClientRoutesOptions, RouteForm } from "./clients/client-routes.ts";
export { INJECTION_FILE } from "./clients/injection.ts";
export {
  type ClientConfig,
  type PlanClientConfigOptions,
  planClientConfig,
} from "./clients/plan-client-config.ts";
export type { PlannedFile } from "./clients/planned-file.ts";
export { RUNTIME_DEFAULTS, type RuntimeOptions } from "./clients/runtime-options.ts";
export { RUNTIME_NAMES } from "./clients/runtimes.ts";
export type { ImageKind, PackageKind } from "./contents/contents.ts";
export { type DemoStep, type DemoSummary, type RunDemoOptions, runDemo } from "./demo/run-demo.ts";
export {
  type ComparedPlace,
  type CompareOptions,
  compareContents,
  type DiffReport,
  type DiffSide,
} from "./diff/compare-contents.ts";
export type { ChangedImage } from "./diff/compare-sides.ts";
export type { ComparedImage } from "./diff/compared-side.ts";
export { type ErrorCode, isAbortError, MirrorError, OptionInvalidError } from "./errors.ts";
export { ExportConflictError, ExportUnmatchedError } from "./export/errors.ts";
export { exportBundle } from "./export/export-bundle.ts";
export {
  EXPORT_FORMS,
  type ExportedImage,
  type ExportForm,
  type ExportOptions,
  type ExportReport,
} from "./export/export-options.ts";
export type { Failure } from "./failure.ts";
export {
  type PositionedDocument,
  parsePositionedYaml,
  YamlError,
  type YamlPosition,
} from "./formats/positioned-yaml.ts";
export { bundledRegistries } from "./inspect/bundled-registries.ts";
export { type BundleDescription, type InspectOptions, inspectBundle } from "./inspect/inspect.ts";
export { applyInstall, applyRemoval } from "./install/apply-install.ts";
export { type ClientConfigReport, reportOf } from "./install/client-config-report.ts";
export { ClientConfigConflictError } from "./install/errors.ts";
export { readInstalledNamespaces } from "./install/installed-namespaces.ts";
export {
  type FileChange,
  type InstallPlan,
  planInstall,
  planRemoval,
} from "./install/plan-install.ts";
export { renderDiff } from "./install/render-diff.ts";
export { decodeText } from "./io/decode-text.ts";
export { SpaceExhaustedError, StorageFailedError, TargetLockedError } from "./io/errors.ts";
export { readNamedText } from "./io/read-file.ts";
export { formatJsonError } from "./json-position.ts";
export { RuntimeRefusedError, RuntimeUnavailableError } from "./load/errors.ts";
export { loadBundles, planLoad } from "./load/load-bundles.ts";
export type { LoadOptions, PlanLoadOptions } from "./load/load-options.ts";
export {
  formatRuntimeTarget,
  parseRuntimeTarget,
  type RuntimeTarget,
} from "./load/runtime-target.ts";
export { LockInvalidError, LockVersionError } from "./lock/errors.ts";
export type { Lock, LockedPackage, LockedSelection } from "./lock/lock.ts";
export { readLock, writeLock } from "./lock/lock-file.ts";
export { type MetricsServerOptions, openMetricsServer } from "./metrics/metrics-server.ts";
export { createServeMetrics, type ServeMetrics } from "./metrics/serve-metrics.ts";
export type { Notice } from "./notice.ts";
export {
  ContentInvalidError,
  ContentMismatchError,
  printable,
  ReferenceInvalidError,
} from "./oci/errors.ts";
export {
  formatReference,
  parseReference,
  parseRepositoryReference,
  type Reference,
  type RepositoryReference,
} from "./oci/reference.ts";
export type { CallName, OptionName } from "./option.ts";
export type { NewerTags } from "./outdated/find-newer.ts";
export { type FindOutdatedOptions, findOutdated } from "./outdated/find-outdated.ts";
export type {
  GoneTag,
  MovedTag,
  NewTag,
  OutdatedEvent,
  OutdatedReport,
} from "./outdated/outdated-report.ts";
export { readRecordedSelection } from "./outdated/recorded-selection.ts";
export { type WatchOutdatedOptions, watchOutdated } from "./outdated/watch-outdated.ts";
export { applyPrune } from "./prune/apply-prune.ts";
export { PruneListInvalidError } from "./prune/errors.ts";
export { planPrune } from "./prune/plan-prune.ts";
export {
  type PruneEntry,
  type PruneKind,
  type PruneList,
  type PruneTotals,
  readPruneList,
  writePruneList,
} from "./prune/prune-list.ts";
export type { ApplyPruneOptions, PlanPruneOptions, PruneSummary } from "./prune/prune-options.ts";
export { describeSelection } from "./pull/directory/describe-bundle.ts";
export type { Wishes } from "./pull/directory/wishes.ts";
export type { PullEvent } from "./pull/events.ts";
export { isSelectionOfLock } from "./pull/plan/create-lock.ts";
export { type PlannedWithLock, planPull, planPullWithLock } from "./pull/plan/plan-pull.ts";
export { type QuotaNeed, quotaNeeds } from "./pull/plan/quota-needs.ts";
export { pull } from "./pull/pull.ts";
export type {
  PlannedPackageReport,
  PlanPullOptions,
  PullOptions,
  PullOutcome,
  PullPlanReport,
  PullSummary,
} from "./pull/pull-options.ts";
export type { PushEvent } from "./push/events.ts";
export type { FollowerWishes, LeftOutReferrer } from "./push/followers/choose-followers.ts";
export { push } from "./push/push.ts";
export {
  type PlannedPushImage,
  type PushPlanReport,
  planPushAll,
  pushAll,
} from "./push/push-all.ts";
export type { PlanPushAllOptions, PushAllOptions, PushOptions } from "./push/push-options.ts";
export type { Receipt, ReceiptImage, ReceiptTotals } from "./push/receipt/receipt.ts";
export { writeReceipt } from "./push/receipt/write-receipt.ts";
export {
  type CredentialsOptions,
  createCredentials,
} from "./registry/auth/create-credentials.ts";
export type { Credential, CredentialSource } from "./registry/auth/credentials.ts";
export {
  type RemoveLoginOptions,
  removeLogin,
  type StoreLoginOptions,
  storeLogin,
} from "./registry/auth/login-store.ts";
export { type DiagnoseOptions, diagnose } from "./registry/doctor/diagnose.ts";
export type { Check, CheckName, DoctorReport } from "./registry/doctor/report.ts";
export {
  DeletesRefusedError,
  RegistryResponseError,
  RegistryUnreachableError,
} from "./registry/errors.ts";
export type { LoginCheck } from "./registry/host/check-login.ts";
export {
  openRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from "./registry/registry-client.ts";
export type { RegistryEvent } from "./registry/registry-event.ts";
export type { Repository } from "./registry/repository.ts";
export {
  type WaitForRegistryOptions,
  type WaitResult,
  waitForRegistry,
} from "./registry/wait-for-registry.ts";
export { SelectionInvalidError, SelectionUnmatchedError } from "./selection/errors.ts";
export { nearestNames } from "./selection/grammar/nearest.ts";
export { type ParsedSelection, parseSelection } from "./selection/grammar/parse-selection.ts";
export type {
  ChartImages,
  ChartSelector,
  ExactPin,
  FileSelector,
  ImageSelector,
  ModuleSelector,
  Selection,
  VersionFilter,
} from "./selection/grammar/selection.ts";
export type { ParseSelectionOptions } from "./selection/grammar/selection-options.ts";
export type { NamedChartImage } from "./selection/resolve/charts/resolve-chart-images.ts";
export type { Exclusion } from "./selection/resolve/exclusion.ts";
export { TagConflictError, UpstreamError } from "./serve/errors.ts";
export { type MirrorServer, openServer, type ServerOptions } from "./serve/open-server.ts";
export type { ServeEvent } from "./serve/serve-event.ts";
export type { Upstream } from "./serve/upstream/upstream.ts";
export { parseUpstreams, type UpstreamSpec } from "./serve/upstream/upstream-spec.ts";
export {
  type WarmCacheOptions,
  type WarmedImage,
  warmCache,
} from "./serve/upstream/warm-cache.ts";
export { ListenError } from "./server/errors.ts";
export type { OwnAuthority } from "./server/self-signed.ts";
export type {
  ContentSink,
  ContentSource,
  ContentStat,
  FetchedFile,
  FetchFileOptions,
  FileVersion,
  ManifestRemover,
  ManifestSink,
  ManifestSource,
  OperationOptions,
  ReferrerSource,
  ReferrersOptions,
  RepositorySource,
  SourceRepository,
  TagSource,
  TargetRepository,
  WebSource,
} from "./store/store.ts";
export type { LabelSource } from "./tags/label-sources.ts";
export { readTags } from "./tags/read-tags.ts";
export {
  type ExcludedTag,
  type ReadTagsOptions,
  TAG_ORDERS,
  type TagDescription,
  type TagOrder,
  type TagRow,
  type TagsEvent,
  type TagsReport,
} from "./tags/read-tags-options.ts";
export {
  clearTagCache,
  inspectTagCache,
  type KnownRepository,
  type TagCacheReport,
} from "./tags/tag-cache.ts";
export type { AcceptedSignature } from "./trust/check-signatures.ts";
export { type RefusedImage, SignatureRefusedError } from "./trust/errors.ts";
export { readSignatureRules } from "./trust/read-rules.ts";
export type { IdentityDemand, KeyDemand, SignatureRule } from "./trust/signature-rule.ts";
export type { Problem, VerifiedFile, VerifyReport } from "./verify/report.ts";
export { type VerifyEvent, type VerifyOptions, verifyBundle } from "./verify/verify.ts";
export { VERSION } from "./version.ts";
