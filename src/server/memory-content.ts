import type { Hash } from "node:crypto";
import { Readable } from "node:stream";
import type { Digest } from "../oci/digest.ts";

/** The bytes of a blob, in memory or made when they are asked for. */
export interface HeldBlob {
  readonly size: number;
  /** Streams the bytes from `start` up to, not including, `end`. */
  open(start: number, end: number): Readable;
}

export interface HeldManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface RepositoryContent {
  readonly blobs: Map<Digest, HeldBlob>;
  readonly manifests: Map<Digest, HeldManifest>;
  readonly tags: Map<string, Digest>;
}

/** An upload session between its POST and its PUT. */
export interface Upload {
  readonly repository: string;
  readonly parts: Buffer[];
  readonly sha256: Hash;
  size: number;
  isWriting: boolean;
}

/** Everything an embedded registry holds; change it directly to seed or to damage a registry. */
export class RegistryContent {
  readonly repositories: Map<string, RepositoryContent> = new Map();
  readonly uploads: Map<string, Upload> = new Map();

  /** The repository of this name, created if missing. */
  repository(name: string): RepositoryContent {
    const found = this.repositories.get(name);
    if (found !== undefined) return found;
    const created = { blobs: new Map(), manifests: new Map(), tags: new Map() };
    this.repositories.set(name, created);
    return created;
  }
}

/** Large enough that the cost per chunk vanishes, small enough that a slow reader holds little. */
const SLICE_BYTES = 256 * 1024;

export function bufferContent(bytes: Buffer): HeldBlob {
  return {
    size: bytes.length,
    open: (start, end) => Readable.from(slices(bytes.subarray(start, end)), { objectMode: false }),
  };
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    yield bytes.subarray(start, start + SLICE_BYTES);
  }
}
