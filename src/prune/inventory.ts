import pLimit from "p-limit";
import { childrenOf } from "../oci/children.ts";
import type { Digest } from "../oci/digest.ts";
import { parseManifest } from "../oci/manifest.ts";
import { isMissing } from "../store/errors.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../store/store.ts";
import { readTags } from "../target/read-tags.ts";

/** One manifest of a repository, with what it needs and what it belongs to. */
export interface HeldManifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly isIndex: boolean;
  readonly children: readonly Digest[];
  readonly subject: Digest | undefined;
  /** Digest → size; the manifest itself is one of them. */
  readonly content: ReadonlyMap<Digest, number>;
}

/** All that can be reached in a repository from its tags: children, and referrers of anything. */
export interface Inventory {
  readonly tags: ReadonlyMap<string, Digest>;
  readonly manifests: ReadonlyMap<Digest, HeldManifest>;
  /** Subject → what the repository lists for it. */
  readonly referrers: ReadonlyMap<Digest, readonly Digest[]>;
}

/** Requests at once: small answers. */
const CONCURRENCY = 8;

/** Reads every manifest once. Whatever cannot be read rejects: what is not known is not judged. */
export async function readInventory(
  repository: SourceRepository,
  options: OperationOptions,
): Promise<Inventory> {
  const { tags } = await readTags(repository, options);
  const reader = new InventoryReader(repository, options);
  await reader.read([...tags.values()].map(({ digest }) => digest));
  return {
    tags: new Map([...tags].map(([tag, { digest }]) => [tag, digest])),
    manifests: reader.manifests,
    referrers: reader.referrers,
  };
}

class InventoryReader {
  readonly manifests = new Map<Digest, HeldManifest>();
  readonly referrers = new Map<Digest, readonly Digest[]>();
  readonly #repository: SourceRepository;
  readonly #options: OperationOptions;
  readonly #seen = new Set<Digest>();

  constructor(repository: SourceRepository, options: OperationOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Level by level: what is found is read in the next one. */
  async read(digests: readonly Digest[]): Promise<void> {
    const limit = pLimit(CONCURRENCY);
    let level = this.#unseen(digests);
    while (level.length > 0) {
      const found = await Promise.allSettled(
        level.map((digest) => limit(() => this.#visit(digest))),
      );
      const next: Digest[] = [];
      for (const result of found) {
        if (result.status === "rejected") throw result.reason;
        next.push(...result.value);
      }
      level = this.#unseen(next);
    }
  }

  #unseen(digests: readonly Digest[]): Digest[] {
    const fresh = [...new Set(digests)].filter((digest) => !this.#seen.has(digest));
    for (const digest of fresh) this.#seen.add(digest);
    return fresh;
  }

  async #visit(digest: Digest): Promise<readonly Digest[]> {
    this.#options.signal?.throwIfAborted();
    const manifest = await this.#fetch(digest);
    // An index may be there without all of its images
    if (manifest === undefined) return [];
    const held = toHeld(manifest);
    this.manifests.set(digest, held);
    const listed = await this.#listReferrers(digest);
    if (listed.length > 0) this.referrers.set(digest, listed);
    return [...held.children, ...listed];
  }

  async #fetch(digest: Digest): Promise<Manifest | undefined> {
    try {
      return await this.#repository.fetchManifest(digest, this.#options);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #listReferrers(digest: Digest): Promise<readonly Digest[]> {
    try {
      const found = await this.#repository.referrers(digest, this.#options);
      return found.map((referrer) => referrer.digest);
    } catch (error) {
      // Some do not know of a list for what has none
      if (isMissing(error)) return [];
      throw error;
    }
  }
}

function toHeld({ descriptor: { digest, mediaType, size }, bytes }: Manifest): HeldManifest {
  const document = parseManifest(bytes, mediaType, digest);
  const { manifests, blobs } = childrenOf(document);
  return {
    digest,
    mediaType,
    isIndex: document.kind === "index",
    children: manifests.map((child) => child.digest),
    subject: document.subject?.digest,
    content: new Map([
      [digest, size],
      ...blobs.map((blob): [Digest, number] => [blob.digest, blob.size]),
    ]),
  };
}
