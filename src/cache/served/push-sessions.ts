import { type Hash, randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { makeDirectoryDurably } from "../../io/durable.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { readFrom, rm, stat } from "../../io/file-system.ts";
import { openFile } from "../../io/open-file.ts";
import { writeAt } from "../../io/write-at.ts";
import { createDigestHash, type Digest, parseDigest } from "../../oci/digest.ts";
import { type PushedPlaces, readdirIfThere } from "./pushed-places.ts";

/** Written at once: small pieces come by the thousand. */
const WRITE_BYTES = 1024 * 1024;

/** What nobody went on with for so long is given up. */
const ABANDONED_MS = 7 * 24 * 3_600_000;
const SWEEP_MS = 3_600_000;

const WRITE = constants.O_WRONLY | constants.O_CREAT;
const ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A blob that comes in one request or in several; what has come survives the process. */
export class PushSession {
  readonly id: string;
  readonly path: string;
  #size: number;
  #isWriting = false;
  /** Of all that has come; undefined if another process has begun. */
  #hash: Hash | undefined;

  constructor(path: string, id: string, size: number) {
    this.id = id;
    this.path = path;
    this.#size = size;
    this.#hash = size === 0 ? createDigestHash(SHA256) : undefined;
  }

  get size(): number {
    return this.#size;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** What arrived before a connection broke stays. */
  async append(body: Readable): Promise<void> {
    this.#isWriting = true;
    try {
      const file = await openFile(this.path, WRITE, 0o600);
      try {
        for await (const chunk of gather(body)) {
          await writeAt(file, { chunk, position: this.#size, path: this.path });
          this.#hash?.update(chunk);
          this.#size += chunk.length;
        }
      } finally {
        await file.close();
      }
    } finally {
      this.#isWriting = false;
    }
  }

  /**
   * Puts all bytes on the disk and returns their number; undefined if they are not what they should be. Nothing can be
   * appended any more.
   */
  async seal(digest: Digest): Promise<number | undefined> {
    this.#isWriting = true;
    const file = await openFile(this.path, WRITE, 0o600);
    try {
      // Behind a write that has failed may be more
      await file.truncate(this.#size);
      await file.sync();
    } finally {
      await file.close();
    }
    const { algorithm, encoded } = parseDigest(digest);
    const known = algorithm === "sha256" ? this.#hash : undefined;
    const hash = known ?? createDigestHash(digest);
    if (known === undefined) {
      for await (const chunk of readFrom(this.path, 0)) hash.update(chunk);
    }
    return hash.digest("hex") === encoded ? this.#size : undefined;
  }
}

/** Any digest of that algorithm. */
const SHA256 = `sha256:${"0".repeat(64)}`;

/** The bytes in pieces that are worth a write, and those that came before a failure. */
async function* gather(body: Readable): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let bytes = 0;
  let failure: unknown;
  try {
    // Who sends what cannot be written is answered all the same
    for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes < WRITE_BYTES) continue;
      yield Buffer.concat(parts, bytes);
      parts = [];
      bytes = 0;
    }
  } catch (error) {
    failure = error;
  }
  if (bytes > 0) yield Buffer.concat(parts, bytes);
  if (failure !== undefined) throw failure;
}

/** The uploads of one namespace. */
export class PushSessions {
  readonly #places: PushedPlaces;
  readonly #open = new Map<string, PushSession>();
  readonly #sweptAt = new Map<string, number>();

  constructor(places: PushedPlaces) {
    this.#places = places;
  }

  async start(repository: string): Promise<PushSession> {
    const id = randomUUID();
    const folder = this.#places.uploads(repository);
    await makeDirectoryDurably(folder);
    await this.#sweep(folder);
    const session = new PushSession(join(folder, id), id, 0);
    await (await openFile(session.path, WRITE, 0o600)).close();
    this.#open.set(session.path, session);
    return session;
  }

  /** Also one that was begun before this process. */
  async find(repository: string, id: string): Promise<PushSession | undefined> {
    if (!ID.test(id)) return undefined;
    const path = join(this.#places.uploads(repository), id);
    const found = this.#open.get(path);
    if (found !== undefined) return found;
    const stats = await stat(path).catch(absent);
    if (stats === undefined) return undefined;
    const session = this.#open.get(path) ?? new PushSession(path, id, stats.size);
    this.#open.set(path, session);
    return session;
  }

  /** Its file has gone elsewhere. */
  forget({ path }: PushSession): void {
    this.#open.delete(path);
  }

  async end(session: PushSession): Promise<void> {
    this.forget(session);
    await rm(session.path, { force: true });
  }

  /** Removes what was abandoned. */
  async #sweep(folder: string): Promise<void> {
    const now = Date.now();
    if (now - (this.#sweptAt.get(folder) ?? 0) < SWEEP_MS) return;
    this.#sweptAt.set(folder, now);
    for (const name of (await readdirIfThere(folder)) ?? []) {
      const path = join(folder, name);
      const stats = await stat(path).catch(absent);
      const isAbandoned = stats !== undefined && now - stats.mtimeMs > ABANDONED_MS;
      if (!isAbandoned || this.#open.get(path)?.isWriting) continue;
      this.#open.delete(path);
      await rm(path, { force: true });
    }
  }
}

function absent(error: unknown): undefined {
  if (!hasErrorCode(error, "ENOENT")) throw error;
}
