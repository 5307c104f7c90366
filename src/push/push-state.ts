import { createHash } from "node:crypto";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { refuseWhileWritten } from "../bundle/bundle-lock.ts";
import { STATE_DIRECTORY } from "../bundle/format.ts";
import { AppendLog, readAppendLog } from "../io/append-log.ts";
import { storageError, TargetLockedError } from "../io/errors.ts";
import { lockFile } from "../io/file-lock.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { UploadSession, UploadSessionStore } from "../store/store.ts";

/** One line of the journal: the open upload of a blob, or that it is over. */
interface SessionRecord {
  readonly key: string;
  readonly session: UploadSession | null;
}

export interface PushStateOptions {
  /** Directory of the bundle. */
  readonly directory: string;
  /** Tells bundles apart that are read from the same place. */
  readonly bundle: string;
  readonly target: RepositoryReference;
}

/**
 * What a push keeps between runs: the upload sessions of large blobs. It lives beside the bundle where that can be
 * written, else in the user's state directory; a push that ends well leaves nothing.
 */
export class PushState implements AsyncDisposable {
  readonly #path: string;
  readonly #directory: string;
  readonly #lock: AsyncDisposable;
  readonly #sessions: Map<string, UploadSession>;
  #log: AppendLog | undefined;

  private constructor(
    directory: string,
    path: string,
    lock: AsyncDisposable,
    sessions: Map<string, UploadSession>,
  ) {
    this.#directory = directory;
    this.#path = path;
    this.#lock = lock;
    this.#sessions = sessions;
  }

  /** `TARGET_LOCKED` if another process pushes the same bundle to the same target. */
  static async open({ directory, bundle, target }: PushStateOptions): Promise<PushState> {
    const name = formatReference(target);
    const key = createHash("sha256").update(`${bundle}\0${name}`).digest("hex").slice(0, 16);
    const { home, lock } = await lockInSomeHome(directory, {
      file: `push-${key}.lock`,
      subject: `${directory} → ${name}`,
    });
    try {
      await refuseWhileWritten(directory);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    const path = join(home, `push-${key}.journal`);
    const sessions = new Map<string, UploadSession>();
    for (const { key: blob, session } of (await readAppendLog(path)) as SessionRecord[]) {
      if (session) sessions.set(blob, session);
      else sessions.delete(blob);
    }
    return new PushState(home, path, lock, sessions);
  }

  /** The session store of one blob in one repository. */
  sessionOf(target: RepositoryReference, digest: Digest): UploadSessionStore {
    const key = formatReference({ ...target, digest });
    return {
      load: () => this.#sessions.get(key),
      save: async (session) => {
        if (session === undefined && !this.#sessions.has(key)) return;
        if (session) this.#sessions.set(key, session);
        else this.#sessions.delete(key);
        this.#log ??= AppendLog.open(this.#path);
        this.#log.append({ key, session: session ?? null } satisfies SessionRecord);
      },
    };
  }

  /** Everything has arrived: sessions that are still known, for example of blobs that others have sent, are of no use. */
  forgetAll(): void {
    this.#sessions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#log?.[Symbol.dispose]();
    if (this.#sessions.size === 0) await rm(this.#path, { force: true });
    await this.#lock[Symbol.asyncDispose]();
    // Gone if this push was the only thing it was for
    await rmdir(this.#directory).catch(() => {});
  }
}

interface Lock {
  readonly file: string;
  readonly subject: string;
}

/** Beside the bundle, else where the user keeps state: media may be read-only or full to the last byte. */
async function lockInSomeHome(bundleDirectory: string, { file, subject }: Lock) {
  const beside = join(bundleDirectory, STATE_DIRECTORY);
  try {
    return await lockIn(beside, { file, subject });
  } catch (error) {
    if (error instanceof TargetLockedError) throw error;
    await rmdir(beside).catch(() => {});
  }
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return await lockIn(join(state, "mirror"), { file, subject });
}

async function lockIn(home: string, { file, subject }: Lock) {
  try {
    await mkdir(home, { recursive: true });
  } catch (error) {
    throw storageError(error, home);
  }
  return { home, lock: await lockFile(join(home, file), subject) };
}
