/** `airgap-mirror/oci`: the OCI vocabulary, and registries as stores. */
export { type Children, childrenOf } from "./oci/children.ts";
export { type Descriptor, parseDescriptor } from "./oci/descriptor.ts";
export { type Digest, digestOf, isDigest, parseDigest } from "./oci/digest.ts";
export {
  type ArtifactManifest,
  type ImageIndex,
  type ImageManifest,
  type ManifestDocument,
  parseManifest,
} from "./oci/manifest.ts";
export { isIndexType, isManifestType, MEDIA_TYPE } from "./oci/media-type.ts";
export { formatPlatform, type Platform, parsePlatform } from "./oci/platform.ts";
export {
  formatReference,
  parseReference,
  parseRepositoryReference,
  type Reference,
  type RepositoryReference,
} from "./oci/reference.ts";
export {
  type CredentialsOptions,
  createCredentials,
} from "./registry/auth/create-credentials.ts";
export type { Credential, CredentialSource } from "./registry/auth/credentials.ts";
export { RegistryResponseError, RegistryUnreachableError } from "./registry/errors.ts";
export {
  openRegistryClient,
  type RegistryClient,
  type RegistryClientOptions,
} from "./registry/registry-client.ts";
export type { RegistryEvent } from "./registry/registry-event.ts";
export type { Repository } from "./registry/repository.ts";
export { type CopyEnd, type CopyOptions, type CopyOutcome, copy } from "./store/copy.ts";
export type {
  ContentSink,
  ContentSource,
  ContentStat,
  FetchOptions,
  Manifest,
  ManifestSink,
  ManifestSource,
  OpenContent,
  OperationOptions,
  PushContentOptions,
  PushContentResult,
  ReadableStore,
  ReferrerSource,
  ReferrersOptions,
  RepositorySource,
  SourceRepository,
  TagSource,
  TargetRepository,
  WritableStore,
} from "./store/store.ts";
