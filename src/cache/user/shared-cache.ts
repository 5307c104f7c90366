import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { mkdir, readFrom, rename, rm, stat, writeFrom } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import { checkContent } from "../../io/verify-stream.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { createDigestHash, type Digest, parseDigest } from "../../oci/digest.ts";
import type { OpenContent } from "../../store/store.ts";
import type { BegunContent, CachedContent } from "../content-cache.ts";
import { KnownNames } from "../known-names.ts";
import type { CacheRoom } from "./cache-room.ts";
import { findPart, holdsParts, PartFile, removeParts } from "./part-file.ts";

/** A run over a few images asks less often than it takes to list what all runs have kept: thirty thousand files take 40 ms. */
const PATIENCE = 64;

export interface ThroughOptions {
  readonly fetch: OpenContent;
  /** The content by another way. */
  readonly elsewhere: () => Promise<Readable>;
}

/**
 * Content in a directory of the user, `content/<algorithm>/<hex>`, for this run and later ones of all commands. It is
 * hashed whenever it is read; it stays when it is used, and goes when the room is needed. What fails here is a transfer
 * more, never a failure.
 */
export class SharedCache {
  readonly #room: CacheRoom;
  /** What others add meanwhile is a transfer more. */
  readonly #names = new KnownNames({ patience: PATIENCE });
  #hasParts: Promise<boolean> | undefined;
  /** Content that is coming; several images may need it at once. */
  readonly #coming = new Map<Digest, Promise<void>>();

  constructor(room: CacheRoom) {
    this.#room = room;
  }

  async read(digest: Digest): Promise<Buffer | undefined> {
    const path = this.#pathOf(digest);
    const isPossible = await this.#names.mayHave(path).catch(isFalse);
    const bytes = isPossible ? await readFile(path).catch(() => undefined) : undefined;
    if (!bytes) return undefined;
    const hex = createDigestHash(digest).update(bytes).digest("hex");
    if (digest.endsWith(`:${hex}`)) {
      await this.#room.touch(path);
      return bytes;
    }
    await this.remove(digest);
    return undefined;
  }

  /** False where there is no place for it. */
  async write(digest: Digest, bytes: Buffer): Promise<boolean> {
    const path = this.#pathOf(digest);
    const temporary = this.#room.temporaryPath(parseDigest(digest).encoded);
    try {
      if (await this.has({ digest, size: bytes.length })) return true;
      if (!(await this.#room.admit(bytes.length))) return false;
      await mkdir(dirname(path), { recursive: true });
      await writeFrom(temporary, [bytes]);
      await rename(temporary, path);
      this.#names.add(path);
      return true;
    } catch {
      await rm(temporary, { force: true }).catch(() => {});
      return false;
    }
  }

  /**
   * As `ContentCache` has it, with bytes given on while they come, and `elsewhere` for what has no place here. Who wants
   * what is coming already reads it behind the other.
   */
  async through(target: Descriptor, { fetch, elsewhere }: ThroughOptions): Promise<Readable> {
    if (this.#coming.has(target.digest)) {
      const behind = this.#readBehind(target, { fetch, elsewhere });
      return Readable.from(behind, { objectMode: false });
    }
    const end = this.#announce(target);
    try {
      const content = await this.#openOrKeep(target, fetch);
      if (content) return content.once("close", end);
      end();
      return await elsewhere();
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Others wait until the answer is called. */
  #announce({ digest }: CachedContent): () => void {
    let done = () => {};
    this.#coming.set(
      digest,
      new Promise((resolve) => {
        done = resolve;
      }),
    );
    return () => {
      this.#coming.delete(digest);
      done();
    };
  }

  async *#readBehind(target: Descriptor, options: ThroughOptions): AsyncGenerator<Buffer> {
    await this.#coming.get(target.digest);
    yield* await this.through(target, options);
  }

  async has(target: CachedContent): Promise<boolean> {
    const path = this.#pathOf(target.digest);
    if (!(await this.#names.mayHave(path).catch(isFalse))) return false;
    const found = await stat(path).catch(() => undefined);
    return found?.size === target.size;
  }

  /** Not verified. */
  async open(target: CachedContent, offset: number): Promise<Readable | undefined> {
    if (!(await this.has(target))) return undefined;
    await this.#room.touch(this.#pathOf(target.digest));
    return Readable.from(readFrom(this.#pathOf(target.digest), offset), { objectMode: false });
  }

  async begun(target: CachedContent): Promise<BegunContent | undefined> {
    const found = await findPart(this.#room, target);
    if (!found) return undefined;
    const { bytes, path } = found;
    return { bytes, open: () => Readable.from(readFrom(path, 0), { objectMode: false }) };
  }

  async release(digest: Digest): Promise<void> {
    // Asked for every blob of a run; what a part is left of is where parts are, or came by way of here
    this.#hasParts ??= holdsParts(this.#room);
    if (await this.#hasParts) await removeParts(this.#room, digest);
  }

  async remove(digest: Digest): Promise<void> {
    await removeParts(this.#room, digest);
    await rm(this.#pathOf(digest), { force: true }).catch(() => {});
  }

  #pathOf(digest: Digest): string {
    const { algorithm, encoded } = parseDigest(digest);
    return join(this.#room.directory, "content", algorithm, encoded);
  }

  async #openOrKeep(target: Descriptor, fetch: OpenContent): Promise<Readable | undefined> {
    if (await this.#isIntact(target)) return await this.open(target, 0);
    const path = this.#pathOf(target.digest);
    const isPossible =
      (await mkdir(dirname(path), { recursive: true }).then(isTrue, isFalse)) &&
      (await this.#room.admit(target.size));
    const part = isPossible ? await PartFile.open(this.#room, target, path) : undefined;
    if (!part) return undefined;
    this.#hasParts = Promise.resolve(true);
    this.#names.add(path);
    try {
      const body = await fetch(part.bytes);
      const content = Readable.from(keep(target, part, body), { objectMode: false });
      // Whoever does not begin to read ends it too
      content.once("close", () => body.destroy());
      return content;
    } catch (error) {
      await part.close();
      throw error;
    }
  }

  /** After a power cut, a file may have its size and not its bytes. */
  async #isIntact(target: CachedContent): Promise<boolean> {
    const body = await this.open(target, 0);
    if (!body) return false;
    const hash = createDigestHash(target.digest);
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) hash.update(chunk);
    } catch {
      return false;
    }
    const isRight = target.digest.endsWith(`:${hash.digest("hex")}`);
    if (!isRight) await this.remove(target.digest);
    return isRight;
  }
}

/** Passes content on while it is written. When reading ends early, what has come is kept. */
async function* keep(
  target: CachedContent,
  part: PartFile,
  body: Readable,
): AsyncGenerator<Buffer> {
  try {
    if (part.bytes > 0) yield* readFrom(part.path, 0);
    for await (const chunk of body as AsyncIterable<Buffer>) {
      await part.append(chunk);
      yield chunk;
    }
    const wrong = checkContent(target, part.bytes, part.digest());
    if (wrong) throw wrong;
  } finally {
    await part.close();
  }
}

function isTrue(): boolean {
  return true;
}

function isFalse(): boolean {
  return false;
}
