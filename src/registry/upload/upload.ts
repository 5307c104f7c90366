import type { Descriptor } from "../../oci/descriptor.ts";
import type { OpenContent, PushContentOptions, PushContentResult } from "../../store/store.ts";
import { isKnownBlob, type RepositoryContext } from "../content/blobs.ts";
import { openGrace } from "../transport/grace.ts";
import type { Patience } from "../transport/retry.ts";
import { noteBodyLimit, withBodyLimit } from "./body-limit.ts";
import { ContentCursor, type UploadCursor } from "./content-cursor.ts";
import { HeldCursor } from "./held-cursor.ts";
import { postWhole } from "./post-whole.ts";
import { ThreadCursor } from "./thread-cursor.ts";
import {
  lengthOf,
  noteCut,
  notePart,
  planRecovery,
  planStep,
  type Recovery,
  type UploadPosition,
  type UploadStep,
} from "./upload-plan.ts";
import { readUploadStatus, sendCommit, sendPart, type UploadPiece } from "./upload-requests.ts";
import { isSessionUsable } from "./upload-session.ts";
import { cancelUpload, startUpload, type UploadStart } from "./upload-start.ts";

export interface UploadContent {
  readonly expected: Descriptor;
  /** Opens the content at a byte position. */
  readonly open: OpenContent;
}

export interface UploadBlobOptions extends PushContentOptions {
  /** A session that a refused mount has opened. */
  readonly opened?: UploadStart | undefined;
}

/** What the part in flight may still take after an abort, so that its session survives. */
const GRACE = { graceMs: 10_000, idleMs: 2_000 } as const;

/**
 * One upload, from its session to its commit. `offset` counts only what the registry confirmed: whatever happens, the
 * bytes before it need not be sent again in this session.
 */
interface Upload {
  readonly context: RepositoryContext;
  readonly content: UploadContent;
  readonly options: UploadBlobOptions;
  cursor: UploadCursor;
  readonly patience: Patience;
  location: URL | undefined;
  startedAt: Date;
  position: UploadPosition;
  /** Most bytes that were ever confirmed: only more than that is progress. */
  furthest: number;
  /** Offset at which a part was sent again without knowing what had arrived. */
  resentAt: number | undefined;
  sentBytes: number;
  /** Ends the turn of this upload, where it has one. */
  leave: (() => void) | undefined;
  /** Of the piece that is next; 1 behind each that was taken. */
  attempt: number;
  /** What an earlier run had sent in this session. */
  resumedBytes: number;
}

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

function createUpload(
  context: RepositoryContext,
  content: UploadContent,
  options: UploadBlobOptions,
): Upload {
  const { size, digest } = content.expected;
  return {
    context,
    content,
    options,
    cursor: createCursor(context, content, options),
    patience: context.host.createPatience("PATCH", `${context.repository}/${digest}`),
    location: options.opened?.location,
    startedAt: new Date(),
    position: {
      size,
      offset: 0,
      minPartBytes: options.opened?.minPartBytes ?? 0,
      isWhole: false,
      rangeRefusals: 0,
      restarts: 0,
      cuts: 0,
    },
    furthest: 0,
    resentAt: undefined,
    attempt: 1,
    sentBytes: 0,
    leave: undefined,
    resumedBytes: 0,
  };
}

function createCursor(
  { host: { threads } }: RepositoryContext,
  { expected, open }: UploadContent,
  { filed }: UploadBlobOptions,
): UploadCursor {
  const isWorth = filed !== undefined && threads.areWorth(filed);
  return isWorth ? new ThreadCursor(threads, expected, filed) : new ContentCursor(expected, open);
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

function adoptStart(upload: Upload, { location, minPartBytes }: UploadStart): void {
  upload.location = location;
  upload.startedAt = new Date();
  upload.position = { ...upload.position, offset: 0, minPartBytes };
}

function countFrom(
  upload: Upload,
  { offset, onMoved }: { readonly offset: number; readonly onMoved: () => void },
): (bytes: number) => void {
  let position = offset;
  return (bytes) => {
    onMoved();
    position += bytes;
    upload.sentBytes += bytes;
    if (position === upload.position.size) endTurn(upload);
    upload.options.onProgress?.(position);
  };
}

/** The line is for others while the registry answers. */
function endTurn(upload: Upload): void {
  upload.leave?.();
  upload.leave = undefined;
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

function moveTo(upload: Upload, offset: number): void {
  upload.position = { ...upload.position, offset };
  upload.options.onProgress?.(offset);
  if (offset <= upload.furthest) return;
  upload.patience.progress(offset - upload.furthest);
  upload.furthest = offset;
  upload.position = { ...upload.position, restarts: 0 };
}

async function saveSession({ options, location, position, startedAt }: Upload): Promise<void> {
  if (!location) return;
  await options.session?.save({
    location: location.href,
    offset: position.offset,
    startedAt: startedAt.toISOString(),
  });
}

/** Prepares the next attempt, or throws the failure; true when the blob turns out to be there. */
async function recover(upload: Upload, step: UploadStep, failure: unknown): Promise<boolean> {
  const { context, options, cursor } = upload;
  options.signal?.throwIfAborted();
  if (cursor.failure) throw cursor.failure;
  noteBodyLimit(context.host.facts, failure);
  const { facts } = context.host;
  upload.position = noteCut(facts, upload.position, {
    failure,
    bytes: lengthOf(step, upload.position),
  });
  const recovery = planRecovery(failure, { ...upload.position, step }, facts);
  switch (recovery.type) {
    case "give-up":
      throw withBodyLimit(context.host.facts, failure);
    case "resume":
      return await resume(upload, recovery, failure);
    case "resync":
      return await resync(upload, { isRefused: true, isRangeRefused: true });
    case "shrink":
      context.host.facts.partLimitBytes = recovery.partLimitBytes;
      context.host.facts.monolithicOnly = false;
      upload.position = { ...upload.position, isWhole: false };
      return await resync(upload, { isRefused: true, isRangeRefused: false });
    case "restart":
    case "whole":
      return await startOver(upload, recovery, failure);
  }
}

async function resume(
  upload: Upload,
  { retryClass, isAmbiguous }: Extract<Recovery, { type: "resume" }>,
  failure: unknown,
): Promise<boolean> {
  const { options } = upload;
  await upload.patience.waitAfter(failure, options.signal, retryClass);
  if (isAmbiguous && (await isComplete(upload))) return true;
  return await resync(upload, { isRefused: false, isRangeRefused: false });
}

interface Resync {
  /** The registry answered and took nothing, so sending again at the same place is safe. */
  readonly isRefused: boolean;
  /** It does not agree with our offset. */
  readonly isRangeRefused: boolean;
}

/** Asks the registry what it has and goes on from there. */
async function resync(upload: Upload, { isRefused, isRangeRefused }: Resync): Promise<false> {
  const { context, options, position, location } = upload;
  if (!location) return false;
  const { signal } = options;
  const countedBytes = position.offset;
  if (isRefused) {
    upload.position = { ...position, rangeRefusals: position.rangeRefusals + 1 };
  }
  const question = { location, countedBytes, isRefused: isRangeRefused, signal };
  const status = await readUploadStatus(context, question);
  if (status.type === "known" && status.bytes <= position.size) {
    upload.location = status.location;
    moveTo(upload, status.bytes);
    await saveSession(upload);
  } else if (status.type === "unknown" && (isRefused || upload.resentAt !== position.offset)) {
    upload.resentAt = position.offset;
  } else {
    await forget(upload, "the registry lost the upload session");
  }
  return false;
}

async function startOver(
  upload: Upload,
  recovery: Extract<Recovery, { type: "restart" | "whole" }>,
  failure: unknown,
): Promise<boolean> {
  const { context, options } = upload;
  if (recovery.type === "whole") {
    upload.position = { ...upload.position, isWhole: true };
    if (recovery.isForHost) {
      context.host.facts.monolithicOnly = true;
      context.host.facts.refusesParts = true;
    }
  } else {
    if (recovery.isAmbiguous && (await isComplete(upload))) return true;
    await upload.patience.waitAfter(failure, options.signal, "few");
  }
  await forget(upload, recovery.reason);
  return false;
}

async function forget(upload: Upload, reason: string): Promise<void> {
  reportRestart(upload, upload.position.offset, reason);
  upload.location = undefined;
  upload.resumedBytes = 0;
  upload.resentAt = undefined;
  const { restarts } = upload.position;
  upload.position = { ...upload.position, offset: 0, restarts: restarts + 1, rangeRefusals: 0 };
  upload.options.onProgress?.(0);
  await upload.options.session?.save(undefined);
}

function reportRestart({ context, content }: Upload, bytes: number, reason: string): void {
  const { registry, onEvent } = context.host;
  if (bytes > 0) {
    onEvent({ type: "restarted", registry, digest: content.expected.digest, bytes, reason });
  }
}

/** A commit whose answer was lost may have happened. */
async function isComplete({ context, content, options }: Upload): Promise<boolean> {
  return await isKnownBlob(context, content.expected, { signal: options.signal });
}
