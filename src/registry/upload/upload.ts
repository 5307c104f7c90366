import type { PushContentResult } from "../../store/store.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { openGrace } from "../transport/patience/grace.ts";
import { HeldCursor } from "./held-cursor.ts";
import { postWhole } from "./post-whole.ts";
import { notePart, planStep } from "./upload-plan.ts";
import { recover } from "./upload-recovery.ts";
import { readUploadStatus, sendCommit, sendPart, type UploadPiece } from "./upload-requests.ts";
import { isSessionUsable } from "./upload-session.ts";
import { cancelUpload, startUpload } from "./upload-start.ts";
import {
  adoptStart,
  countFrom,
  createUpload,
  endTurn,
  moveTo,
  reportRestart,
  saveSession,
  type Upload,
  type UploadBlobOptions,
  type UploadContent,
} from "./upload-state.ts";

/** What the part in flight may still take after an abort, so that its session survives. */
const GRACE = { graceMs: 10_000, idleMs: 2_000 } as const;

/** Sends a blob that is not there, whatever it takes. */
export async function uploadBlob(
  context: RepositoryContext,
  content: UploadContent,
  options: UploadBlobOptions = {},
): Promise<PushContentResult> {
  const upload = createUpload(context, content, options);
  try {
    const bytes = await options.readAll?.();
    if (bytes) upload.cursor = new HeldCursor(bytes);
    await adoptSession(upload);
    if (bytes === undefined || !(await storeWhole(upload, bytes))) {
      if (!upload.location) await begin(upload);
      while (!(await advance(upload))) options.signal?.throwIfAborted();
    }
    await options.session?.save(undefined);
    const { resumedBytes, sentBytes } = upload;
    return { outcome: "uploaded", sentBytes, ...(resumedBytes > 0 ? { resumedBytes } : {}) };
  } catch (error) {
    // with a store the session is kept: the next run goes on with it
    if (!options.session && upload.location) await cancelUpload(context, upload.location);
    throw error;
  } finally {
    endTurn(upload);
    upload.cursor.close();
  }
}

/**
 * Goes on with the session of an earlier run. It is asked once: anything odd means a new one. The store may lie on a
 * medium that others could write, so a session leads nowhere but to this registry.
 */
async function adoptSession(upload: Upload): Promise<void> {
  const { context, options } = upload;
  const session = options.session?.load();
  if (!session || !URL.canParse(session.location) || !isSessionUsable(session, new Date())) return;
  const { signal } = options;
  const location = new URL(session.location);
  if (location.origin !== context.host.baseUrl.origin) return;
  const question = { location, countedBytes: session.offset, signal };
  const status = await readUploadStatus(context, question);
  if (status.type === "known" && status.bytes <= upload.position.size) {
    upload.location = status.location;
    upload.startedAt = new Date(session.startedAt);
    upload.resumedBytes = status.bytes;
    moveTo(upload, status.bytes);
    return;
  }
  reportRestart(upload, session.offset, "the registry lost the upload session");
  await options.session?.save(undefined);
}

/** Tries the shortest way, once: with an upload that is open already, it is none. */
async function storeWhole(upload: Upload, bytes: Buffer): Promise<boolean> {
  const { context, content, options } = upload;
  if (upload.location) return false;
  const answer = await postWhole(context, {
    bytes,
    digest: content.expected.digest,
    signal: options.signal,
    onSent: countFrom(upload, { offset: 0, onMoved: () => undefined }),
  });
  if (answer === "stored") return true;
  if (upload.sentBytes > 0) options.onProgress?.(0);
  if (answer) adoptStart(upload, answer);
  return false;
}

/** Sends the next piece; true when the blob is complete. */
async function advance(upload: Upload): Promise<boolean> {
  const { context, options, content } = upload;
  upload.leave ??= await options.takeTurn?.();
  options.signal?.throwIfAborted();
  const location = upload.location ?? (await begin(upload));
  const step = planStep(upload.position, context.host.facts);
  const { offset, size } = upload.position;
  // what is held is sent again sooner than a session of it is found
  const isTorn = !options.session || upload.cursor instanceof HeldCursor;
  const grace = openGrace(isTorn ? undefined : options.signal, GRACE);
  const piece: UploadPiece = {
    location,
    offset,
    body: upload.cursor.slice(offset, (step.type === "part" ? step.end : size) - offset),
    via: upload.cursor.via,
    attempt: upload.attempt,
    signal: grace.signal ?? options.signal,
    onSent: countFrom(upload, { offset, onMoved: grace.moved }),
  };
  try {
    if (step.type === "part") await takePart(upload, piece);
    else await sendCommit(context, piece, content.expected.digest);
    upload.attempt = 1;
    return step.type === "commit";
  } catch (failure) {
    upload.attempt += 1;
    return await recover(upload, step, failure);
  } finally {
    grace.close();
  }
}

async function begin(upload: Upload): Promise<URL> {
  const { signal } = upload.options;
  const start = await startUpload(upload.context, { signal });
  adoptStart(upload, start);
  return start.location;
}

async function takePart(upload: Upload, piece: UploadPiece): Promise<void> {
  const { context, options } = upload;
  const { facts } = context.host;
  const bytes = piece.body.size;
  const counted = piece.offset + bytes;
  const startedAt = context.host.clock.now();
  const answer = await sendPart(context, piece);
  const ms = context.host.clock.now() - startedAt;
  upload.location = answer.location;
  const { reportedBytes = counted } = answer;
  let confirmed = counted;
  // some but not all of what was sent: true only if the registry says so twice
  if (!facts.hasLaggingRange && reportedBytes > piece.offset && reportedBytes < counted) {
    const question = { location: answer.location, countedBytes: counted, signal: options.signal };
    const status = await readUploadStatus(context, question);
    if (status.type === "known" && status.bytes === reportedBytes) confirmed = reportedBytes;
    else facts.hasLaggingRange = true;
  }
  moveTo(upload, confirmed);
  notePart(facts, upload.position, { bytes, ms });
  upload.position = { ...upload.position, rangeRefusals: 0, cuts: 0 };
  upload.resentAt = undefined;
  await saveSession(upload);
}
