import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit from "p-limit";
import { childrenOf } from "../oci/children.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import { ContentInvalidError, ContentMismatchError } from "../oci/errors.ts";
import { type ManifestDocument, parseManifest } from "../oci/manifest.ts";
import type { OperationOptions } from "./store.ts";
import { subjectsFirst } from "./subjects-first.ts";

export interface WalkOptions extends OperationOptions {
  /** The image as its user knows it, for messages. */
  readonly subject: string;
  /**
   * The bytes of a manifest, verified against its digest. `undefined`: the walk goes on without it and what is below
   * it, because the caller has noted that it cannot be had, or has no need of it.
   */
  readonly read: (target: Descriptor) => Promise<Buffer | undefined>;
  /** The manifests of an index that are walked into; default: all. */
  readonly select?: ((children: readonly Descriptor[]) => readonly Descriptor[]) | undefined;
  /** Manifests that are read at once; default 8. */
  readonly concurrency?: number | undefined;
}

/** A manifest or index of the graph. */
export interface WalkedManifest {
  /** As the first one that names it describes it. */
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly document: ManifestDocument;
}

/** What was found below a root, each digest once. */
export interface WalkedGraph {
  /** Parents before children, in document order: the root is the first. */
  readonly manifests: readonly WalkedManifest[];
  /** The same, children before parents and subjects before what belongs to them: the root is the last. */
  readonly leavesFirst: readonly WalkedManifest[];
  /** In document order. */
  readonly blobs: readonly Descriptor[];
}

/** Deepest nesting below the root that is followed (docs/bundle-format.md, "Limits"). */
const DEPTH_LIMIT = 8;

/** Manifests of one image: far above any that was seen, and read in minutes. */
const MANIFEST_COUNT_LIMIT = 10_000;

/** Descriptors in all these manifests: each may name the same few digests any number of times. */
const NAMING_COUNT_LIMIT = 250_000;

/** Bytes of all these manifests: they are held in memory. */
const TOTAL_LIMIT_BYTES = 128 * 1024 * 1024;

const DEFAULT_CONCURRENCY = 8;

/** So long all walks together may work on what is in memory before others get a turn. */
const TURN_MS = 4;
/** Of the thread, as its turns are: ten thousand images of one manifest keep others waiting as long as one of ten thousand. */
let pausedAt = 0;

/**
 * Reads the manifests of an image, index or artifact, each once, however often it is named, and lists what they point
 * at. The result is the same for the same bytes. Throws `CONTENT_INVALID` beyond the limits, and where two descriptors
 * of one digest contradict each other.
 */
export async function walkGraph(root: Descriptor, options: WalkOptions): Promise<WalkedGraph> {
  const walk = new Walk(options);
  try {
    return await walk.run(root);
  } finally {
    await walk.end();
  }
}

class Walk {
  readonly #manifests: WalkedManifest[] = [];
  readonly #leavesFirst: WalkedManifest[] = [];
  readonly #options: WalkOptions;
  /** Made for the first that has children: most images have none. */
  #limit: ReturnType<typeof pLimit> | undefined;
  readonly #loading = new Map<Digest, Promise<Buffer | undefined>>();
  readonly #named = new Map<Digest, Descriptor>();
  readonly #blobs = new Map<Digest, Descriptor>();
  /** Of manifests that are done: levels below them. */
  readonly #heights = new Map<Digest, number>();
  #namings = 0;
  #bytes = 0;
  #hasEnded = false;

  constructor(options: WalkOptions) {
    this.#options = options;
  }

  async run(root: Descriptor): Promise<WalkedGraph> {
    this.#note(this.#named, root);
    await this.#visit(root, 0);
    return {
      manifests: this.#manifests,
      leavesFirst: subjectsFirst(this.#leavesFirst),
      blobs: [...this.#blobs.values()],
    };
  }

  /** Whatever is still being read has ended when the walk has. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await Promise.allSettled(this.#loading.values());
  }

  /** Visits a manifest and all below it; the number of levels below it. */
  async #visit(descriptor: Descriptor, depth: number): Promise<number> {
    const known = this.#heights.get(descriptor.digest) ?? 0;
    if (depth + known > DEPTH_LIMIT) throw this.#refuse("its indexes are nested too deeply");
    if (this.#heights.has(descriptor.digest)) return known;
    // Nothing else is read beside a root
    const bytes = await (depth === 0 ? this.#read(descriptor) : this.#load(descriptor));
    await this.#pause();
    const height = bytes ? await this.#enter({ descriptor, bytes, depth }) : 0;
    this.#heights.set(descriptor.digest, height);
    return height;
  }

  async #enter({ descriptor, bytes, depth }: Entered): Promise<number> {
    const { digest, mediaType } = descriptor;
    const subject = `${digest} of ${this.#options.subject}`;
    const document = parseManifest(bytes, mediaType, subject);
    const manifest: WalkedManifest = { descriptor, bytes, document };
    this.#manifests.push(manifest);
    const { manifests, blobs } = childrenOf(document);
    for (const blob of blobs) this.#note(this.#blobs, blob);
    const children = this.#options.select?.(manifests) ?? manifests;
    for (const child of children) this.#note(this.#named, child);
    // Read at once, visited one after the other: the order is part of the result
    for (const child of children) if (!this.#heights.has(child.digest)) void this.#load(child);
    let height = 0;
    for (const child of children) {
      height = Math.max(height, 1 + (await this.#visit(child, depth + 1)));
    }
    this.#leavesFirst.push(manifest);
    return height;
  }

  #note(into: Map<Digest, Descriptor>, descriptor: Descriptor): void {
    const { digest, size } = descriptor;
    const known = this.#named.get(digest) ?? this.#blobs.get(digest);
    if (known && known.size !== size) {
      const reason = `${this.#options.subject} describes it with ${known.size} and with ${size} bytes`;
      throw new ContentMismatchError(digest, reason);
    }
    const type = this.#named.get(digest)?.mediaType;
    if (into === this.#named && type !== undefined && type !== descriptor.mediaType) {
      throw this.#refuse(`it describes ${digest} as "${type}" and as "${descriptor.mediaType}"`);
    }
    this.#namings += 1;
    if (this.#namings > NAMING_COUNT_LIMIT) {
      throw this.#refuse(`its manifests list more than ${NAMING_COUNT_LIMIT} descriptors`);
    }
    if (!into.has(digest)) into.set(digest, descriptor);
    if (this.#named.size > MANIFEST_COUNT_LIMIT) {
      throw this.#refuse(`it has more than ${MANIFEST_COUNT_LIMIT} manifests`);
    }
  }

  #load(target: Descriptor): Promise<Buffer | undefined> {
    const known = this.#loading.get(target.digest);
    if (known !== undefined) return known;
    this.#limit ??= pLimit(this.#options.concurrency ?? DEFAULT_CONCURRENCY);
    const loading = this.#limit(() => (this.#hasEnded ? undefined : this.#read(target)));
    // Whoever visits it gets the failure
    loading.catch(() => {});
    this.#loading.set(target.digest, loading);
    return loading;
  }

  async #read(target: Descriptor): Promise<Buffer | undefined> {
    const { read, signal, subject } = this.#options;
    signal?.throwIfAborted();
    const bytes = await read(target);
    if (bytes === undefined) return undefined;
    if (bytes.length !== target.size) {
      const reason = `it has ${bytes.length} bytes, ${subject} says ${target.size}`;
      throw new ContentMismatchError(target.digest, reason);
    }
    this.#bytes += bytes.length;
    if (this.#bytes > TOTAL_LIMIT_BYTES) {
      throw this.#refuse(`its manifests have more than ${TOTAL_LIMIT_BYTES} bytes`);
    }
    return bytes;
  }

  /** Signals and other work get their turn, also where everything is in memory. */
  async #pause(): Promise<void> {
    if (performance.now() - pausedAt > TURN_MS) {
      await nextTurn();
      pausedAt = performance.now();
    }
    this.#options.signal?.throwIfAborted();
  }

  #refuse(reason: string): ContentInvalidError {
    return new ContentInvalidError(this.#options.subject, reason);
  }
}

interface Entered {
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  readonly depth: number;
}
