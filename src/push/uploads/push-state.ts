import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { refuseWhileWritten } from "../../bundle/bundle-lock.ts";
import { pushStateOf, STATE_DIRECTORY } from "../../bundle/format/state-directory.ts";
import { MirrorError } from "../../errors.ts";
import { AppendLog, readAppendLog } from "../../io/append-log.ts";
import { storageError, TargetLockedError } from "../../io/errors.ts";
import { lockFile } from "../../io/file-lock.ts";
import { mkdir, rm, rmdir } from "../../io/file-system.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import type { UploadSession, UploadSessionStore } from "../../store/store.ts";

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
  /** Called once if uploads cannot be kept any more; the push itself does not need it. */
  readonly onUnsaved?: (error: MirrorError) => void;
}

interface StateParts extends Required<Pick<PushStateOptions, "onUnsaved">> {
  /** Where lock and journal are; missing: nowhere, because no place can be written. */
  readonly place?: StatePlace | undefined;
  readonly sessions: Map<string, UploadSession>;
}

interface StatePlace {
  readonly home: string;
  /** Of the journal. */
  readonly path: string;
  readonly lock: AsyncDisposable;
}

/**
 * What a push keeps between runs: the upload sessions of large blobs. It lives beside the bundle where that can be
 * written, else in the user's state directory; a push that ends well leaves nothing.
 */
export class PushState implements AsyncDisposable {
  readonly #parts: StateParts;
  #log: AppendLog | undefined;
  #isUnsaved = false;

  private constructor(parts: StateParts) {
    this.#parts = parts;
  }

  /** `TARGET_LOCKED` if another process pushes the same bundle to the same target. */
  static async open({
    directory,
    bundle,
    target,
    onUnsaved = () => {},
  }: PushStateOptions): Promise<PushState> {
    const name = formatReference(target);
    const key = createHash("sha256").update(`${bundle}\0${name}`).digest("hex").slice(0, 16);
    const own = pushStateOf(key);
    const locked = await lockInSomeHome(directory, {
      file: own.lock,
      subject: `${directory} → ${name}`,
    });
    const sessions = new Map<string, UploadSession>();
    if ("failure" in locked) {
      onUnsaved(locked.failure);
      return new PushState({ sessions, onUnsaved });
    }
    const { home, lock } = locked;
    try {
      await refuseWhileWritten(directory);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
    const path = join(home, own.journal);
    for (const { key: blob, session } of (await readAppendLog(path)) as SessionRecord[]) {
      if (session) sessions.set(blob, session);
      else sessions.delete(blob);
    }
    return new PushState({ place: { home, path, lock }, sessions, onUnsaved });
  }

  /** The session store of one blob in one repository. */
  sessionOf(target: RepositoryReference, digest: Digest): UploadSessionStore {
    const { sessions } = this.#parts;
    // most blobs are small, and of most runs none is kept
    const keyOf = () => formatReference({ ...target, digest });
    return {
      load: () => (sessions.size === 0 ? undefined : sessions.get(keyOf())),
      save: async (session) => {
        if (session === undefined && sessions.size === 0) return;
        const key = keyOf();
        if (session === undefined && !sessions.has(key)) return;
        if (session) sessions.set(key, session);
        else sessions.delete(key);
        this.#append({ key, session: session ?? null });
      },
    };
  }

  /** A full or failing disk must not end a push that needs nothing from it. */
  #append(record: SessionRecord): void {
    const { place } = this.#parts;
    if (this.#isUnsaved || !place) return;
    try {
      this.#log ??= AppendLog.open(place.path);
      this.#log.append(record);
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      this.#isUnsaved = true;
      this.#parts.onUnsaved(error);
    }
  }

  /** Everything has arrived: sessions that are still known, for example of blobs that others have sent, are of no use. */
  forgetAll(): void {
    this.#parts.sessions.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { place, sessions } = this.#parts;
    this.#log?.[Symbol.dispose]();
    if (!place) return;
    const { home, path, lock } = place;
    if (sessions.size === 0) await rm(path, { force: true });
    await lock[Symbol.asyncDispose]();
    // Gone if this push was the only thing it was for
    await rmdir(home).catch(() => {});
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
  try {
    return await lockIn(join(state, "mirror"), { file, subject });
  } catch (error) {
    // A push needs nothing from it, and nobody else can have left anything there either
    if (!(error instanceof MirrorError) || error instanceof TargetLockedError) throw error;
    return { failure: error };
  }
}

async function lockIn(home: string, { file, subject }: Lock) {
  try {
    await mkdir(home, { recursive: true });
  } catch (error) {
    throw storageError(error, home);
  }
  return { home, lock: await lockFile(join(home, file), subject) };
}
