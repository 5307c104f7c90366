import { Readable } from "node:stream";
import { isForeignLayer } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-type.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import { referrerOf } from "../oci/referrer.ts";
import type {
  FetchOptions,
  Manifest,
  ManifestRemover,
  OpenContent,
  OperationOptions,
  PushContentOptions,
  PushContentResult,
  SourceRepository,
  TargetRepository,
} from "../store/store.ts";
import { fetchBlobInto } from "./content/blob-into-files.ts";
import { existsBlob, fetchBlob, type RepositoryContext, statBlob } from "./content/blobs.ts";
import { deleteManifest } from "./content/delete-manifest.ts";
import { addToFallbackTag } from "./content/fallback-tag.ts";
import { fetchForeignLayer } from "./content/foreign-layers.ts";
import {
  existsManifest,
  fetchManifest,
  putManifest,
  resolveManifest,
  statManifest,
  storeManifest,
} from "./content/manifests.ts";
import { listReferrers } from "./content/referrers.ts";
import { listTags } from "./content/tags.ts";
import type { RegistryHost } from "./host/registry-host.ts";
import { mountBlob } from "./upload/mount.ts";
import { pushBlob } from "./upload/push-blob.ts";
import { cancelUpload } from "./upload/upload-start.ts";

export interface MountOptions extends OperationOptions {
  /** Repository of the same registry that has the blob. */
  readonly from: string;
}

/** One repository of a registry, with everything the distribution API can do to it. */
export interface Repository extends SourceRepository, TargetRepository, ManifestRemover {
  readonly reference: RepositoryReference;
  /** Whether the blob is now in this repository without having been sent. */
  mount(target: Descriptor, options: MountOptions): Promise<boolean>;
}

/** Content that is a manifest by its media type is fetched and stored as one, anything else as a blob. */
export function createRepository(host: RegistryHost, reference: RepositoryReference): Repository {
  const { repository } = reference;
  const context: RepositoryContext = { host, repository };
  return {
    reference,
    resolve: (name, options) => resolveManifest(context, name, options),
    fetchManifest: (name, options) => fetchManifest(context, name, options),
    listTags: (options) => listTags(context, options),
    fetch: (target, options) => fetchContent(context, target, options),
    fetchInto: async (target, places, options) => {
      if (isForeignLayer(target) || isManifestType(target.mediaType)) return false;
      return await fetchBlobInto(context, target, places, options);
    },
    prepare: (run) => host.threads.prepare(run),
    exists: (target, options) =>
      isManifestType(target.mediaType)
        ? existsManifest(context, target.digest, options)
        : existsBlob(context, target, options),
    stat: async (digest, options) =>
      (await statBlob(context, digest, options)) ?? (await statManifest(context, digest, options)),
    push: (expected, open, options) =>
      isManifestType(expected.mediaType)
        ? pushManifestContent(context, { expected, open }, options)
        : pushBlob(context, { expected, open }, options),
    mount: (target, options) => mount(context, target, options),
    referrers: (digest, options) => listReferrers(context, digest, options),
    pushManifest: (manifest, name, options) => {
      return pushManifest(context, { manifest, reference: name }, options);
    },
    deleteManifest: (digest, options) => deleteManifest(context, digest, options),
    tag: async (target, tag, options) => {
      const manifest = await fetchManifest(context, target.digest, options);
      await putManifest(context, { manifest, reference: tag }, options);
    },
  };
}

async function mount(
  context: RepositoryContext,
  target: Descriptor,
  options: MountOptions,
): Promise<boolean> {
  const result = await mountBlob(context, target, options);
  if (result !== "mounted" && result) await cancelUpload(context, result.location);
  return result === "mounted";
}

async function fetchContent(
  context: RepositoryContext,
  target: Descriptor,
  options: FetchOptions = {},
): Promise<Readable> {
  if (isForeignLayer(target)) return await fetchForeignLayer(context, target, options);
  if (!isManifestType(target.mediaType)) return await fetchBlob(context, target, options);
  const { bytes } = await fetchManifest(context, target.digest, options);
  return Readable.from([bytes.subarray(options.offset ?? 0, options.end)]);
}

async function pushManifest(
  context: RepositoryContext,
  put: { readonly manifest: Manifest; readonly reference: string },
  options: OperationOptions = {},
): Promise<Digest> {
  const { bytes, descriptor } = put.manifest;
  const referrer = referrerOf(descriptor, bytes);
  const { digest, indexedSubject } = await storeManifest(context, put, options);
  if (referrer !== undefined && indexedSubject === undefined) {
    await addToFallbackTag(context, referrer, options);
  }
  return digest;
}

interface Content {
  readonly expected: Descriptor;
  readonly open: OpenContent;
}

async function pushManifestContent(
  context: RepositoryContext,
  { expected, open }: Content,
  options: PushContentOptions = {},
): Promise<PushContentResult> {
  if (await existsManifest(context, expected.digest, options)) {
    return { outcome: "already-there", sentBytes: 0 };
  }
  const chunks: Buffer[] = [];
  for await (const chunk of await open(0)) chunks.push(chunk as Buffer);
  const manifest = { descriptor: expected, bytes: Buffer.concat(chunks) };
  await pushManifest(context, { manifest, reference: expected.digest }, options);
  return { outcome: "uploaded", sentBytes: expected.size };
}
