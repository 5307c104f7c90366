import { dirname, join } from "node:path";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { makeDirectoryDurably, markDurably, removeDurably } from "../../io/durable.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { referrerOf } from "../../oci/referrer.ts";
import type { Manifest } from "../../store/store.ts";
import { ContentLostError } from "../errors.ts";
import { type ContentKind, nameOfContent } from "./content-names.ts";
import type { PullStore } from "./pull-store.ts";
import { type PushSession, PushSessions } from "./push-sessions.ts";
import {
  digestsOf,
  directoryOf,
  PUSHED,
  PushedPlaces,
  readdirIfThere,
  repositoriesIn,
} from "./pushed-places.ts";
import { PushedTags } from "./pushed-tags.ts";

/**
 * What clients have pushed to one namespace: which repository has which content. When a call that changes something has
 * returned, it is durable; after a kill at any moment everything is as before the call or as after it. Content is pinned
 * before a repository has it, and as long as one has it.
 */
export class PushedRepositories {
  readonly tags: PushedTags;
  readonly sessions: PushSessions;
  readonly #store: PullStore;
  readonly #places: PushedPlaces;
  readonly #namespace: string;
  /** The last change of each repository: one at a time. */
  readonly #changes = new Map<string, Promise<unknown>>();

  constructor(store: PullStore, namespace: string) {
    this.#store = store;
    this.#namespace = namespace;
    this.#places = new PushedPlaces(join(store.directory, PUSHED, directoryOf(namespace)));
    this.tags = new PushedTags(this.#places);
    this.sessions = new PushSessions(this.#places);
  }

  /** Whether anything was ever pushed to it. */
  async has(repository: string): Promise<boolean> {
    for (const kind of ["blobs", "manifests"] as const) {
      if (await isThere(this.#places.folder(repository, kind))) return true;
    }
    return false;
  }

  async list(): Promise<readonly string[]> {
    const paths = (await readdirIfThere(this.#places.directory, { recursive: true })) ?? [];
    return repositoriesIn(paths, "manifests");
  }

  /** Size of a blob that the repository has; `CONTENT_MISSING` if its bytes are lost. */
  async sizeOf(repository: string, digest: Digest): Promise<number | undefined> {
    if (!(await this.#isMarked(repository, "blobs", digest))) return undefined;
    const size = this.#store.keptSizeOf(digest);
    if (size === undefined) throw this.lost(repository, digest);
    return size;
  }

  /** By tag or digest; `CONTENT_MISSING` if the repository has it and its bytes are lost. */
  async readManifest(repository: string, reference: string): Promise<Manifest | undefined> {
    const digest = isDigest(reference) ? reference : await this.tags.read(repository, reference);
    if (digest === undefined) return undefined;
    const mark = this.#places.content(repository, "manifests", digest);
    const mediaType = await readFile(mark, "utf8").catch(absent);
    // Of a tag too: it was removed meanwhile
    if (mediaType === undefined) return undefined;
    const found = await this.#store.readManifest(digest);
    if (found === undefined) throw this.lost(repository, digest);
    return { bytes: found.bytes, descriptor: { ...found.descriptor, mediaType } };
  }

  async referrers(repository: string, subject: Digest): Promise<readonly Descriptor[]> {
    const names = (await readdirIfThere(this.#places.referrers(repository, subject))) ?? [];
    const found: Descriptor[] = [];
    for (const digest of digestsOf(names)) {
      const manifest = await this.readManifest(repository, digest);
      const referrer = manifest && referrerOf(manifest.descriptor, manifest.bytes);
      if (referrer) found.push(referrer.descriptor);
    }
    return found;
  }

  /** The manifest first, then who finds it, and the tag last. */
  writeManifest(repository: string, manifest: Manifest, tag?: string): Promise<void> {
    return this.#change(repository, async () => {
      const { bytes, descriptor } = manifest;
      const { digest, mediaType } = descriptor;
      const name = nameOfContent("manifests", digest);
      this.#store.files.pin(name);
      try {
        await this.#store.putManifest(manifest);
        const subject = referrerOf(descriptor, bytes)?.subject;
        if (subject !== undefined) {
          const referrers = this.#places.referrers(repository, subject);
          await makeDirectoryDurably(referrers);
          await markDurably(join(referrers, digest.replace(":", "-")));
        }
        await this.#mark(repository, "manifests", digest, mediaType);
        if (tag !== undefined) await this.tags.write(repository, tag, digest);
      } finally {
        this.#store.files.unpin(name);
      }
    });
  }

  /** Removes the manifest with all its tags. */
  deleteManifest(repository: string, digest: Digest): Promise<void> {
    return this.#change(repository, async () => {
      await this.tags.removeAllOf(repository, digest);
      await this.#unmark(repository, "manifests", digest);
    });
  }

  deleteTag(repository: string, tag: string): Promise<void> {
    return this.#change(repository, () => this.tags.remove(repository, tag));
  }

  deleteBlob(repository: string, digest: Digest): Promise<void> {
    return this.#change(repository, () => this.#unmark(repository, "blobs", digest));
  }

  /** Makes a blob of one repository one of another; false if it is not there. */
  linkBlob(repository: string, digest: Digest, from: string): Promise<boolean> {
    return this.#change(repository, async () => {
      const isThere = await this.#isMarked(from, "blobs", digest);
      if (!isThere || this.#store.keptSizeOf(digest) === undefined) return false;
      await this.#mark(repository, "blobs", digest);
      return true;
    });
  }

  /** Turns what was uploaded into a blob if it has the digest; the session is over in any case. */
  async commit(repository: string, session: PushSession, digest: Digest): Promise<boolean> {
    const name = nameOfContent("blobs", digest);
    this.#store.files.pin(name);
    try {
      const size = await session.seal(digest);
      if (size === undefined) return false;
      await this.#store.takeBlob(session.path, { digest, size });
      await this.#change(repository, () => this.#mark(repository, "blobs", digest));
      return true;
    } finally {
      this.#store.files.unpin(name);
      await this.sessions.end(session);
    }
  }

  lost(repository: string, digest: Digest): ContentLostError {
    return new ContentLostError(`${this.#namespace}/${repository}`, digest);
  }

  /** Changes of one repository do not meet. */
  #change<Value>(repository: string, work: () => Promise<Value>): Promise<Value> {
    const before = this.#changes.get(repository) ?? Promise.resolve();
    const done = before.then(work, work);
    this.#changes.set(repository, done);
    const forget = () => {
      if (this.#changes.get(repository) === done) this.#changes.delete(repository);
    };
    done.then(forget, forget);
    return done;
  }

  #isMarked(repository: string, kind: ContentKind, digest: Digest): Promise<boolean> {
    return isThere(this.#places.content(repository, kind, digest));
  }

  async #mark(
    repository: string,
    kind: ContentKind,
    digest: Digest,
    mediaType?: string,
  ): Promise<void> {
    const name = nameOfContent(kind, digest);
    this.#store.files.pin(name);
    const path = this.#places.content(repository, kind, digest);
    const wasThere = await isThere(path);
    try {
      await makeDirectoryDurably(dirname(path));
      if (mediaType === undefined) await markDurably(path);
      else await writeFileAtomically(path, mediaType, { isPrivate: true });
      if (wasThere) this.#store.files.unpin(name);
    } catch (error) {
      if (wasThere || !(await isThere(path))) this.#store.files.unpin(name);
      throw error;
    }
  }

  async #unmark(repository: string, kind: ContentKind, digest: Digest): Promise<void> {
    const path = this.#places.content(repository, kind, digest);
    if (!(await isThere(path))) return;
    await removeDurably(path);
    this.#store.files.unpin(nameOfContent(kind, digest));
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(absent)) !== undefined;
}

function absent(error: unknown): undefined {
  if (!hasErrorCode(error, "ENOENT")) throw error;
}
