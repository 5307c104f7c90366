import type { Readable } from "node:stream";
import { ContentHasher } from "../../io/content-hasher.ts";
import { fileChunks } from "../../io/file-chunks.ts";
import { openFile } from "../../io/open-file.ts";
import type { Digest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { ByteRange } from "../../server/byte-range.ts";
import { BlobStreams } from "../../store/blob-streams.ts";
import type { FoundFile } from "./tree-files.ts";

/** Files that are known to be right; more of them are hashed again. */
const KNOWN_LIMIT = 100_000;

/**
 * Blobs of a tree. All of a file is hashed by a thread before its last byte is given, once for as long as it is the same
 * file: clients of others do not wait meanwhile.
 */
export class TreeBlobs implements AsyncDisposable {
  readonly #hasher = new ContentHasher();
  readonly #streams = new BlobStreams<FoundFile>({
    hasher: this.#hasher,
    read: ({ path }, range) => readRange(path, range),
    check: ({ path }, digest, hash) => {
      if (digest.endsWith(`:${hash}`)) return;
      const algorithm = digest.slice(0, digest.indexOf(":"));
      throw new ContentMismatchError(digest, `its digest is ${algorithm}:${hash} in "${path}"`);
    },
  });
  /** By path: what it was when it was opened last. */
  readonly #known = new Map<string, FoundFile>();

  open(found: FoundFile, digest: Digest, { start, end }: ByteRange): Readable {
    const range = { offset: start, end, verify: "once" } as const;
    return this.#streams.open(this.#same(found), { digest, size: found.size }, range);
  }

  #same(found: FoundFile): FoundFile {
    const known = this.#known.get(found.path);
    if (known?.version === found.version) return known;
    if (this.#known.size >= KNOWN_LIMIT) this.#known.clear();
    this.#known.set(found.path, found);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hasher[Symbol.asyncDispose]();
  }
}

async function* readRange(path: string, range: ByteRange): AsyncGenerator<Buffer> {
  yield* fileChunks(await openFile(path), { path, ...range });
}
