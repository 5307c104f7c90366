import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";

/** Options of every operation that does I/O. */
export interface OperationOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FetchOptions extends OperationOptions {
  /** First byte wanted; default 0. */
  readonly offset?: number | undefined;
}

/** A manifest or index as it came: opaque bytes and the descriptor that they have. */
export interface Manifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** Content by descriptor. Bytes from `fetch` are not verified: callers hash what they keep. */
export interface ContentSource {
  /** Streams the content from `offset` to its end; `CONTENT_MISSING` or `REGISTRY_NOT_FOUND` if absent. */
  fetch(target: Descriptor, options?: FetchOptions): Promise<Readable>;
  exists(target: Descriptor, options?: OperationOptions): Promise<boolean>;
}

/** Manifests by tag or digest. */
export interface ManifestSource {
  /** One request; the bytes are verified against the digest, if the reference is one. */
  fetchManifest(reference: string, options?: OperationOptions): Promise<Manifest>;
  /** Tag or digest → descriptor, without the content where the store can do that. */
  resolve(reference: string, options?: OperationOptions): Promise<Descriptor>;
}

export interface TagSource {
  /** All tags, in the order of the store; a missing repository is `REGISTRY_NOT_FOUND`. */
  listTags(options?: OperationOptions): AsyncIterable<string>;
}

/** Opens the content at a byte position; called again when a transfer has to go on or start over. */
export type OpenContent = (offset: number) => Readable | Promise<Readable>;

export interface PushContentOptions extends OperationOptions {
  /** Repository of the same registry that is known to hold the content: mounted from there if the store can. */
  readonly mountFrom?: string | undefined;
  /** Called with the number of bytes of the content that the store has confirmed or taken so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export interface PushContentResult {
  readonly outcome: "uploaded" | "mounted" | "already-there";
  /** Bytes of content that were sent, repeats included. */
  readonly sentBytes: number;
}

export interface ContentSink {
  exists(target: Descriptor, options?: OperationOptions): Promise<boolean>;
  /** Idempotent: afterwards the content is there under its digest. `open` must give exactly those bytes. */
  push(
    expected: Descriptor,
    open: OpenContent,
    options?: PushContentOptions,
  ): Promise<PushContentResult>;
}

export interface ManifestSink {
  /** Stores the bytes under a tag or under their digest; children must be there already. */
  pushManifest(manifest: Manifest, reference: string, options?: OperationOptions): Promise<Digest>;
  /** Points a tag at a manifest that is there. */
  tag(target: Descriptor, tag: string, options?: OperationOptions): Promise<void>;
}

/** What content is copied from. */
export interface ReadableStore extends ContentSource, ManifestSource {}

/** What content is copied to. */
export interface WritableStore extends ReadableStore, ContentSink, ManifestSink {}

/** One repository of a registry: everything that holds tags. */
export interface SourceRepository extends ReadableStore, TagSource {}
export interface TargetRepository extends WritableStore, TagSource {}
