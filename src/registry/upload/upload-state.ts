import type { Descriptor } from "../../oci/descriptor.ts";
import type { OpenContent, PushContentOptions } from "../../store/store.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import type { Patience } from "../transport/patience/retry.ts";
import { ContentCursor, type UploadCursor } from "./content-cursor.ts";
import { ThreadCursor } from "./thread-cursor.ts";
import type { UploadPosition } from "./upload-plan.ts";
import type { UploadStart } from "./upload-start.ts";

export interface UploadContent {
  readonly expected: Descriptor;
  /** Opens the content at a byte position. */
  readonly open: OpenContent;
}

export interface UploadBlobOptions extends PushContentOptions {
  /** A session that a refused mount has opened. */
  readonly opened?: UploadStart | undefined;
}

/**
 * One upload, from its session to its commit. `offset` counts only what the registry confirmed: whatever happens, the
 * bytes before it need not be sent again in this session.
 */
export interface Upload {
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

/** An upload of which nothing is sent, in the session that a refused mount has opened or in none. */
export function createUpload(
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

/** The session is new: it has nothing yet. */
export function adoptStart(upload: Upload, { location, minPartBytes }: UploadStart): void {
  upload.location = location;
  upload.startedAt = new Date();
  upload.position = { ...upload.position, offset: 0, minPartBytes };
}

/** What is told of the bytes of a request as they leave, from the offset of its first on. */
export function countFrom(
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
export function endTurn(upload: Upload): void {
  upload.leave?.();
  upload.leave = undefined;
}

/** The registry has confirmed so many bytes. */
export function moveTo(upload: Upload, offset: number): void {
  upload.position = { ...upload.position, offset };
  upload.options.onProgress?.(offset);
  if (offset <= upload.furthest) return;
  upload.patience.progress(offset - upload.furthest);
  upload.furthest = offset;
  upload.position = { ...upload.position, restarts: 0 };
}

/** Lets a later run go on from here. */
export async function saveSession({
  options,
  location,
  position,
  startedAt,
}: Upload): Promise<void> {
  if (!location) return;
  await options.session?.save({
    location: location.href,
    offset: position.offset,
    startedAt: startedAt.toISOString(),
  });
}

/** The session is of no use any more: the next piece begins a new one. */
export async function forget(upload: Upload, reason: string): Promise<void> {
  reportRestart(upload, upload.position.offset, reason);
  upload.location = undefined;
  upload.resumedBytes = 0;
  upload.resentAt = undefined;
  const { restarts } = upload.position;
  upload.position = { ...upload.position, offset: 0, restarts: restarts + 1, rangeRefusals: 0 };
  upload.options.onProgress?.(0);
  await upload.options.session?.save(undefined);
}

export function reportRestart({ context, content }: Upload, bytes: number, reason: string): void {
  const { registry, onEvent } = context.host;
  if (bytes > 0) {
    onEvent({ type: "restarted", registry, digest: content.expected.digest, bytes, reason });
  }
}
