import type { Readable } from "node:stream";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../store/store.ts";
import type { ByteRange } from "./byte-range.ts";

/** What a registry serves. `undefined` is the answer for what is not there; a rejection means that nobody can tell. */
export interface RegistryBackend {
  hasRepository(repository: string): Promise<boolean>;
  statBlob(repository: string, digest: Digest): Promise<BlobStat | undefined>;
  /** Only for a blob that `statBlob` found, and for a range within its size. */
  openBlob(repository: string, digest: Digest, range: ByteRange): Promise<Readable>;
  /** By tag or digest. */
  readManifest(repository: string, reference: string): Promise<ServedManifest | undefined>;
  /** In any order. */
  listTags(repository: string): Promise<Iterable<string> | undefined>;
  /** In any order. */
  listRepositories(): Promise<Iterable<string>>;
  /** Manifests whose subject is the digest, which itself need not be there. */
  listReferrers(repository: string, digest: Digest): Promise<readonly Descriptor[]>;
}

export interface BlobStat {
  readonly size: number;
  readonly cache?: CacheUse | undefined;
  /** As of manifests. */
  readonly isUntyped?: boolean | undefined;
}

export interface ServedManifest extends Manifest {
  readonly cache?: CacheUse | undefined;
  /** Nothing says its type: a client that accepts a single one is told that, any other what the descriptor has. */
  readonly isUntyped?: boolean | undefined;
}

/** How a cache came by it; `stale`: whoever knows better could not be asked; `pushed`: a client has pushed it. */
export type CacheUse = "hit" | "miss" | "stale" | "pushed";

/** What a registry that can be pushed to does besides. Repositories begin with the first thing that is in them. */
export interface RegistryWriter {
  /** Stores the manifest under its digest, and under the tag if there is one. */
  writeManifest(repository: string, manifest: Manifest, tag?: string): Promise<void>;
  /** Removes the manifest with all its tags. */
  deleteManifest(repository: string, digest: Digest): Promise<void>;
  deleteTag(repository: string, tag: string): Promise<void>;
  deleteBlob(repository: string, digest: Digest): Promise<void>;
  /** Makes a blob of one repository one of another; false if it is not there. */
  linkBlob(repository: string, digest: Digest, from: string): Promise<boolean>;
  /** Returns the id of a new session. */
  startUpload(repository: string): Promise<string>;
  findUpload(repository: string, id: string): Promise<BackendUpload | undefined>;
}

/** An upload session between its POST and its PUT. */
export interface BackendUpload {
  readonly size: number;
  /** Another request is appending. */
  readonly isWriting: boolean;
  /** What arrived before a connection broke stays in the session. */
  append(body: Readable): Promise<void>;
  /** Ends the session; its content becomes a blob if it has the digest, else it is gone and the answer is false. */
  commit(digest: Digest): Promise<boolean>;
  cancel(): Promise<void>;
}
