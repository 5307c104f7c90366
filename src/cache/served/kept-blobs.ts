import { Readable } from "node:stream";
import { MirrorError } from "../../errors.ts";
import { ContentHasher } from "../../io/content-hasher.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { fileChunks } from "../../io/file-chunks.ts";
import { stat } from "../../io/file-system.ts";
import { openFile } from "../../io/open-file.ts";
import { createDigestHash, type Digest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import { BlobStreams } from "../../store/blob-streams.ts";
import type { CachedContent } from "../content-cache.ts";
import { nameOfContent } from "./content-names.ts";
import type { WantedBytes } from "./download.ts";
import type { KeptFile, KeptFiles } from "./kept-files.ts";

export interface KeptBlobsOptions {
  readonly files: KeptFiles;
  /** Told of a damaged file that nobody waits for. */
  readonly onDamaged: (error: MirrorError) => void;
}

/**
 * Blobs from the disk. A disk forgets and other programs write: each blob is hashed once since the start, and its last byte
 * is given to nobody before. A file that is not what its name says is removed: what is asked for again is fetched again.
 */
export class KeptBlobs implements AsyncDisposable {
  readonly #options: KeptBlobsOptions;
  readonly #hasher = new ContentHasher();
  readonly #streams: BlobStreams<KeptFile>;

  constructor(options: KeptBlobsOptions) {
    this.#options = options;
    this.#streams = new BlobStreams<KeptFile>({
      hasher: this.#hasher,
      read: (file, range) => readKept(options.files.pathOf(file.name), range),
      check: (file, digest, hash) => this.#check(file, digest, hash),
    });
  }

  sizeOf(digest: Digest): number | undefined {
    return this.#find(digest)?.size;
  }

  /** A file system that was not unmounted leaves files without their bytes: of these nothing needs to be read. */
  #find(digest: Digest): KeptFile | undefined {
    const file = this.#options.files.find(nameOfContent("blobs", digest));
    const isLost = file?.size === 0 && !isDigestOfNothing(digest);
    return isLost ? undefined : file;
  }

  /** Undefined: it is not here, or not as it was. */
  async open(digest: Digest, { start, end }: WantedBytes): Promise<Readable | undefined> {
    const { files } = this.#options;
    const file = this.#find(digest);
    if (file === undefined) return undefined;
    const { name, size } = file;
    if ((await sizeOnDisk(files.pathOf(name))) !== size) {
      await files.remove(name);
      return undefined;
    }
    const release = files.hold(name);
    if (start >= end) return Readable.from([]).once("close", release);
    const stream = this.#streams.open(
      file,
      { digest, size },
      { offset: start, end, verify: "once" },
    );
    if (start > 0 || end < size) this.#vouch(file, { digest, size });
    return stream.once("close", release);
  }

  /** It was hashed before it got its name. */
  trust(digest: Digest): void {
    const file = this.#options.files.find(nameOfContent("blobs", digest));
    if (file) this.#streams.trust(file);
  }

  /** Whoever takes a blob in parts never gets it whole: it is hashed beside that. */
  #vouch(file: KeptFile, target: CachedContent): void {
    const release = this.#options.files.hold(file.name);
    void this.#streams
      .verify(file, target)
      .catch((error: unknown) => {
        // A server that is closing hashes nothing more
        if (error instanceof MirrorError) this.#options.onDamaged(error);
      })
      .finally(release);
  }

  async #check({ name }: KeptFile, digest: Digest, hash: string): Promise<void> {
    if (digest.endsWith(`:${hash}`)) return;
    const { files } = this.#options;
    await files.remove(name);
    throw new ContentMismatchError(digest, `the file "${files.pathOf(name)}" is damaged`, {
      hint: "It was removed, and is fetched again when it is asked for again; check the disk",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hasher[Symbol.asyncDispose]();
  }
}

function isDigestOfNothing(digest: Digest): boolean {
  return digest.endsWith(`:${createDigestHash(digest).digest("hex")}`);
}

async function* readKept(path: string, range: WantedBytes): AsyncGenerator<Buffer> {
  yield* fileChunks(await openFile(path), { path, ...range });
}

/** Undefined: somebody else has cleared the directory. */
async function sizeOnDisk(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
