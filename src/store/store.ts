import type { Readable } from "node:stream";
import type { FilePart } from "../io/file-span.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";

/** Options of every operation that does I/O. */
export interface OperationOptions {
  readonly signal?: AbortSignal | undefined;
}

export interface FetchOptions extends OperationOptions {
  /** First byte wanted; default 0. */
  readonly offset?: number | undefined;
  /** Position behind the last byte wanted; default the end of the content. */
  readonly end?: number | undefined;
}

export interface ResolveOptions extends OperationOptions {
  /** Called where a first look has found nothing, and a second one is on its way that decides. */
  readonly onUnseen?: (() => void) | undefined;
}

/** A manifest or index as it came: opaque bytes and the descriptor that they have. */
export interface Manifest {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
}

/** What a store knows of content without reading it. */
export interface ContentStat {
  readonly size: number;
}

/** Content by descriptor. Bytes from `fetch` are not verified: callers hash what they keep. */
export interface ContentSource {
  /** Streams the content from `offset` up to `end`; `CONTENT_MISSING` or `REGISTRY_NOT_FOUND` if absent. */
  fetch(target: Descriptor, options?: FetchOptions): Promise<Readable>;
  exists(target: Descriptor, options?: OperationOptions): Promise<boolean>;
  /**
   * Brings content to all places, verified: `CONTENT_MISMATCH` if it is not what it should be. False, and nothing done, for
   * content that has to be had with `fetch`; missing: all of it has.
   */
  fetchInto?(target: Descriptor, places: FilePlaces, options: FetchIntoOptions): Promise<boolean>;
  /** Told before much is moved: what that takes may be there by then. */
  prepare?(run: MovingRun): void;
  /** Blob or manifest by nothing but its digest; undefined if the store does not have it. */
  stat(digest: Digest, options?: OperationOptions): Promise<ContentStat | undefined>;
}

/** What a caller moves between stores and files. */
export interface MovingRun {
  /** In all: for little of it nothing is prepared. */
  readonly runBytes: number;
  /** Threads of its own that are busy with it all the while. */
  readonly busyThreads: number;
}

/** Content that goes into files where they are written by whoever fetches it, and stays out of this thread. */
export interface FetchIntoOptions extends OperationOptions, MovingRun {
  /** First bytes that the files are believed to have: hashed before. */
  readonly keptBytes: number;
  /** Called once, with the position of the first byte that is fetched. */
  readonly onStart: (offset: number) => void;
  readonly onProgress: (bytes: number) => void;
  /** Everything before `position` is at all places. */
  readonly onWritten: (position: number) => void;
}

/** The places of one content: the same bytes, each over parts of files. */
export type FilePlaces = readonly (readonly FilePart[])[];

/** Manifests by tag or digest. */
export interface ManifestSource {
  /** One request; the bytes are verified against the digest, if the reference is one. */
  fetchManifest(reference: string, options?: OperationOptions): Promise<Manifest>;
  /** Tag or digest → descriptor, without the content where the store can do that. */
  resolve(reference: string, options?: ResolveOptions): Promise<Descriptor>;
}

export interface TagSource {
  /** All tags, in the order of the store; a missing repository is `REGISTRY_NOT_FOUND`. */
  listTags(options?: OperationOptions): AsyncIterable<string>;
}

export interface ReferrersOptions extends OperationOptions {
  /** Only referrers of this type. */
  readonly artifactType?: string | undefined;
  /** All tags of the repository, where they are known: what is stored behind tags is then found without asking for it. */
  readonly tags?: ReadonlySet<string> | Promise<ReadonlySet<string> | undefined> | undefined;
}

export interface ReferrerSource {
  /** Manifests that have the digest as their subject; none for a manifest that is not there. */
  referrers(digest: Digest, options?: ReferrersOptions): Promise<readonly Descriptor[]>;
}

/** Opens the content at a byte position; called again when a transfer has to go on or start over. */
export type OpenContent = (offset: number) => Readable | Promise<Readable>;

/** Content that lies in files: a store that can moves it from there without this thread. */
export interface FiledContent extends MovingRun {
  readonly parts: readonly FilePart[];
  /** The failure for content that is not what it should be where it lies. */
  readonly failureOf: (fault: FiledFault) => Error;
}

/** All of it has another hash, or it ends before a byte. */
export type FiledFault =
  | { readonly type: "hash"; readonly hash: string }
  | { readonly type: "short"; readonly end: number };

/** An upload that a registry keeps open: enough for another process to go on with it. */
export interface UploadSession {
  /** Absolute URL; may contain state that only this registry understands, so it is kept as it came. */
  readonly location: string;
  /** Bytes that the registry has confirmed. */
  readonly offset: number;
  /** RFC 3339 time of the start: registries drop sessions after a while. */
  readonly startedAt: string;
}

/** Where the session of one blob is kept between runs. */
export interface UploadSessionStore {
  load(): UploadSession | undefined;
  /** Called after every confirmed part; undefined: there is nothing to go on with any more. */
  save(session: UploadSession | undefined): Promise<void>;
}

export interface PushContentOptions extends OperationOptions {
  /** Repository of the same registry that is known to hold the content: mounted from there if the store can. */
  readonly mountFrom?: string | undefined;
  /** Keeps the upload session of a large blob, so that another process can go on with it. */
  readonly session?: UploadSessionStore | undefined;
  /** True: the caller has just asked, and the content is not there. */
  readonly isKnownMissing?: boolean | undefined;
  /** Gives all of it at once, verified, for content that is small: then it may never be opened. */
  readonly readAll?: (() => Promise<Buffer>) | undefined;
  /** The same content as that which is opened, and where it lies; then it may never be opened. */
  readonly filed?: FiledContent | undefined;
  /**
   * Resolves when bytes of the content may be sent, with what ends that: called when all are on their way. What is asked
   * before and answered behind them needs no turn. Default: at once.
   */
  readonly takeTurn?: (() => Promise<() => void>) | undefined;
  /** Called with the number of bytes of the content that the store has confirmed or taken so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined;
}

export interface PushContentResult {
  readonly outcome: "uploaded" | "mounted" | "already-there";
  /** Bytes of content that were sent, repeats included. */
  readonly sentBytes: number;
  /** Bytes at its start that an earlier run had sent in the session that was gone on with; default 0. */
  readonly resumedBytes?: number | undefined;
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

export interface ManifestRemover {
  /**
   * Takes a manifest away by its digest, and with it every tag that points at it; its blobs are left to the store. False:
   * it was not there.
   */
  deleteManifest(digest: Digest, options?: OperationOptions): Promise<boolean>;
}

/** What content is copied from. */
export interface ReadableStore extends ContentSource, ManifestSource {}

/** What content is copied to. */
export interface WritableStore extends ReadableStore, ContentSink, ManifestSink {}

/** One repository of a registry: everything that holds tags. */
export interface SourceRepository extends ReadableStore, TagSource, ReferrerSource {}
export interface TargetRepository extends WritableStore, TagSource, ReferrerSource {}

/** Several repositories by their path: a registry, or what is published from a bundle. */
export interface RepositorySource {
  /** Paths in the order of the source. */
  listRepositories(options?: OperationOptions): AsyncIterable<string>;
  /** A repository that is not there lacks everything. */
  repository(path: string): SourceRepository;
}

/** What a server says of the version of a file, to be asked for again. */
export interface FileVersion {
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
}

export interface FetchFileOptions extends OperationOptions {
  /** A larger file is refused. */
  readonly limitBytes: number;
  /** The version that is there already. */
  readonly known?: FileVersion | undefined;
  /** The file that gave the address: on another host than its own nobody is told who asks, nor does it lead inward. */
  readonly namedBy?: URL | undefined;
}

export interface FetchedFile {
  readonly bytes: Buffer;
  readonly version: FileVersion;
}

/** Files of web servers, whole. */
export interface WebSource {
  /** `unchanged`: it is the known version; undefined: there is no such file. Nothing is verified. */
  fetchFile(
    address: URL,
    options: FetchFileOptions,
  ): Promise<FetchedFile | "unchanged" | undefined>;
}
