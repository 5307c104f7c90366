import type { Digest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import type { HostRequest } from "../host/host-request.ts";
import { headerOf } from "../transport/headers.ts";
import type { HttpResponse, RequestBody, SendRequest } from "../transport/http.ts";
import { parseUploadRange } from "./upload-session.ts";
import { commitUrlOf, locationOf } from "./upload-start.ts";

export interface UploadPiece {
  readonly location: URL;
  readonly offset: number;
  readonly body: RequestBody;
  /** Sends it in place of this thread. */
  readonly via?: SendRequest | undefined;
  /** How often this place of the blob was sent to, this time included. */
  readonly attempt: number;
  readonly signal?: AbortSignal | undefined;
  readonly onSent?: ((bytes: number) => void) | undefined;
}

export interface PartAnswer {
  readonly location: URL;
  /** Bytes that the answer says the registry has; undefined: it does not tell. */
  readonly reportedBytes: number | undefined;
}

/** A token has to outlive the request that it starts. */
const TOKEN_LIFE_MS = 60_000;
/** Registries on object storage copy the blob when it is committed: at least at this speed. */
const COMMIT_BYTES_PER_SECOND = 10_000_000;

/** PATCH, once. */
export async function sendPart(
  context: RepositoryContext,
  { location, offset, body, via, attempt, signal, onSent }: UploadPiece,
): Promise<PartAnswer> {
  const response = await context.host.sendOnce({
    ...uploadRequest(context, "PATCH", location),
    headers: {
      "content-type": "application/octet-stream",
      // without a unit: registries compare the text with a pattern
      "content-range": `${offset}-${offset + body.size - 1}`,
    },
    body,
    via,
    // 201 is what ECR answers
    accepts: [200, 201, 202, 204],
    attempt,
    signal,
    onSent,
  });
  await response.discard();
  const range = headerOf(response.headers, "range");
  return {
    location: locationOf(context, response) ?? location,
    reportedBytes: parseUploadRange(range, offset + body.size),
  };
}

/** PUT of the last bytes, once. */
export async function sendCommit(
  context: RepositoryContext,
  { location, offset, body, via, attempt, signal, onSent }: UploadPiece,
  digest: Digest,
): Promise<void> {
  const range = offset > 0 && body.size > 0 ? `${offset}-${offset + body.size - 1}` : undefined;
  const response = await context.host.sendOnce({
    ...uploadRequest(context, "PUT", commitUrlOf(location, digest)),
    headers: {
      "content-type": "application/octet-stream",
      ...(range === undefined ? {} : { "content-range": range }),
    },
    body,
    via,
    accepts: [200, 201, 204],
    extraAnswerMs: ((offset + body.size) / COMMIT_BYTES_PER_SECOND) * 1000,
    attempt,
    signal,
    onSent,
  });
  await response.discard();
  checkStored(response, digest);
}

/** Throws if a registry says that it has stored a blob under another digest. */
export function checkStored({ headers }: HttpResponse, digest: Digest): void {
  const stored = headerOf(headers, "docker-content-digest");
  if (stored === undefined || stored === digest) return;
  // another algorithm may be the one that it prefers
  if (!stored.startsWith("sha256:") || !digest.startsWith("sha256:")) return;
  throw new ContentMismatchError(digest, `the registry stored it as "${stored}"`);
}

/** What a registry has of an upload: `lost` means start over, `unknown` that it cannot be asked. */
export type UploadStatus =
  | { readonly type: "known"; readonly location: URL; readonly bytes: number }
  | { readonly type: "lost" }
  | { readonly type: "unknown" };

export interface StatusQuestion {
  readonly location: URL;
  /** Bytes by our own count. */
  readonly countedBytes: number;
  /** The registry refused our count, so it cannot mean that. */
  readonly isRefused?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** GET of the session. */
export async function readUploadStatus(
  context: RepositoryContext,
  question: StatusQuestion,
): Promise<UploadStatus> {
  const { location, signal } = question;
  const { facts } = context.host;
  const response = await context.host.send({
    ...uploadRequest(context, "GET", location),
    accepts: [200, 202, 204, 400, 404, 405, 410, 501],
    signal,
  });
  await response.discard();
  if (response.status === 405 || response.status === 501) facts.hasNoUploadStatus = true;
  if (response.status >= 400) return { type: facts.hasNoUploadStatus ? "unknown" : "lost" };
  const bytes = readRange(response, question);
  return bytes === undefined
    ? { type: "unknown" }
    : { type: "known", bytes, location: locationOf(context, response) ?? location };
}

/** The bytes that a `Range` means; the other reading if the first is what the registry has just refused. */
function readRange(
  { headers }: HttpResponse,
  { countedBytes, isRefused }: StatusQuestion,
): number | undefined {
  const text = headerOf(headers, "range");
  const bytes = parseUploadRange(text, countedBytes);
  if (!isRefused || bytes === 0 || bytes !== countedBytes) return bytes;
  const end = Number(/-(\d+)$/.exec(text ?? "")?.[1] ?? bytes);
  return bytes === end ? end + 1 : end;
}

type BareRequest = Pick<HostRequest, "method" | "target" | "scopes" | "minimumLifeMs">;

/** @package */
export function uploadRequest(
  { repository }: RepositoryContext,
  method: string,
  target: string | URL,
): BareRequest {
  const scopes = [repositoryScope(repository, "pull", "push")];
  return { method, target, scopes, minimumLifeMs: TOKEN_LIFE_MS };
}
