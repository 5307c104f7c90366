import { Readable } from "node:stream";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { ContentStat, FetchOptions, OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { repositoryFactsOf } from "../host/repository-facts.ts";
import { toUnreachableError } from "../transport/connect/network-failure.ts";
import { contentLengthOf, headerOf } from "../transport/headers.ts";
import type { HttpResponse, SendRequest } from "../transport/http.ts";
import { type OpenedRange, ResumingBody } from "../transport/patience/range-resume.ts";
import { refuseEncoding } from "./refuse-encoding.ts";

/** Where an operation works: a repository of a host. */
export interface RepositoryContext {
  readonly host: RegistryHost;
  readonly repository: string;
}

/**
 * Streams a blob from `offset` up to `end`. The registry is asked again after a cut, never the storage it redirected to: such
 * addresses expire.
 */
export async function fetchBlob(
  context: RepositoryContext,
  target: Descriptor,
  options: FetchOptions = {},
): Promise<Readable> {
  return await fetchFrom(context, target, {
    ...options,
    address: blobPath(context, target.digest),
  });
}

export interface FetchFromOptions extends FetchOptions {
  /** Path of the registry, or a whole address: then nobody there is told who asks. */
  readonly address: string;
}

/** @package */
export async function fetchFrom(
  context: RepositoryContext,
  target: Descriptor,
  { address, offset = 0, end: wantedEnd = target.size, signal }: FetchFromOptions,
): Promise<Readable> {
  const { digest, size } = target;
  const end = Math.min(wantedEnd, size);
  if (offset >= end && (offset > 0 || end < size)) return Readable.from([]);
  const { host } = context;
  const patience = host.createPatience("GET", address);
  const open = (from: number, until?: AbortSignal) =>
    openRange(context, target, { address, offset: from, end, signal: until });
  return new ResumingBody({
    digest,
    size,
    offset,
    end,
    first: await open(offset, signal),
    reopen: open,
    waitAfter: (failure, until) =>
      patience.waitAfter(toUnreachableError(failure, host.registry), until),
    onProgress: (bytes) => patience.progress(bytes),
    signal,
  });
}

/** Whether the repository has the blob, with its size as far as the server tells. */
export async function existsBlob(
  context: RepositoryContext,
  { digest, size }: Descriptor,
  options: OperationOptions = {},
): Promise<boolean> {
  const head = await sendHead(context, digest, options);
  if (head.status === 404) return false;
  if (head.status === 200) {
    const isThere = [undefined, size].includes(contentLengthOf(head.headers));
    if (isThere) repositoryFactsOf(context.host.facts, context.repository).seenBlob = digest;
    return isThere;
  }
  const probe = await sendProbe(context, digest, options);
  return probe.status !== 404;
}

/** The size of the blob, if the repository has it. Proxies deny in a HEAD what only a GET makes them fetch. */
export async function statBlob(
  context: RepositoryContext,
  digest: Digest,
  options: OperationOptions = {},
): Promise<ContentStat | undefined> {
  const head = await sendHead(context, digest, options);
  const told = head.status === 200 ? contentLengthOf(head.headers) : undefined;
  if (told !== undefined) return { size: told };
  const probe = await sendProbe(context, digest, options);
  if (probe.status === 404) return undefined;
  const size = totalOf(probe);
  if (size !== undefined) return { size };
  const { status, url } = probe;
  const objection = "it does not tell the size of the content";
  const { registry } = context.host;
  throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
}

async function sendHead(
  context: RepositoryContext,
  digest: Digest,
  { signal }: OperationOptions,
): Promise<HttpResponse> {
  const response = await context.host.send({
    method: "HEAD",
    target: blobPath(context, digest),
    scopes: [repositoryScope(context.repository, "pull")],
    accepts: [200, 400, 403, 404, 405, 500],
    signal,
  });
  await response.discard();
  return response;
}

/** For servers without HEAD (405) or with a broken one (500), proxies (404), and storage whose address was signed for GET (400 and 403). */
async function sendProbe(
  context: RepositoryContext,
  digest: Digest,
  { signal }: OperationOptions,
): Promise<HttpResponse> {
  const response = await context.host.send({
    method: "GET",
    target: blobPath(context, digest),
    headers: { range: "bytes=0-0" },
    scopes: [repositoryScope(context.repository, "pull")],
    // 416: there is no first byte of empty content
    accepts: [200, 206, 404, 416],
    signal,
  });
  await response.discard();
  return response;
}

function totalOf({ headers, status }: HttpResponse): number | undefined {
  if (status === 200) return contentLengthOf(headers);
  const [, total] =
    /^bytes (?:\d+-\d+|\*)\/(\d+)$/.exec(headerOf(headers, "content-range") ?? "") ?? [];
  return total === undefined ? undefined : Number(total);
}

/** The same for who may write but not look: then it is not known to be there. */
export async function isKnownBlob(
  context: RepositoryContext,
  target: Descriptor,
  options: OperationOptions = {},
): Promise<boolean> {
  try {
    return await existsBlob(context, target, options);
  } catch (error) {
    if (error instanceof RegistryResponseError && error.code === "REGISTRY_DENIED") return false;
    throw error;
  }
}

/** @package */
export function blobPath({ repository }: RepositoryContext, digest: Digest): string {
  parseDigest(digest);
  return `/v2/${repository}/blobs/${digest}`;
}

export interface RangeWish {
  readonly address: string;
  readonly offset: number;
  readonly end: number;
  readonly signal: AbortSignal | undefined;
  /** Sends the requests in place of this thread. */
  readonly via?: SendRequest | undefined;
}

/** @package */
export async function openRange(
  context: RepositoryContext,
  target: Descriptor,
  { address, offset, end, signal, via }: RangeWish,
): Promise<OpenedRange> {
  const { host, repository } = context;
  const get = (headers: Record<string, string>, accepts: readonly number[]) => {
    const scopes = [repositoryScope(repository, "pull")];
    const wish = { headers, scopes, accepts, signal, via, isContent: true };
    return host.send({ method: "GET", target: address, ...wish });
  };
  if (offset === 0 && end === target.size)
    return whole(await get({}, [200]), target, { host, offset });
  // closed: some servers refuse or misread open ranges
  const response = await get({ range: `bytes=${offset}-${end - 1}` }, [200, 206, 416]);
  if (response.status === 200) return whole(response, target, { host, offset });
  if (response.status === 206 && isWantedRange(response, offset, target.size)) {
    refuseEncoding(response, host);
    return { body: response.body, surplusBytes: 0 };
  }
  response.body.on("error", () => undefined).destroy();
  return whole(await get({}, [200]), target, { host, offset });
}

/** The server sent all of it: what is there already has to be skipped. */
function whole(
  response: HttpResponse,
  { digest, size }: Descriptor,
  { host, offset }: { readonly host: RegistryHost; readonly offset: number },
): OpenedRange {
  refuseEncoding(response, host);
  const length = contentLengthOf(response.headers);
  if (length !== undefined && length !== size) {
    response.body.on("error", () => undefined).destroy();
    throw new ContentMismatchError(digest, `the server has ${length} bytes, expected ${size}`);
  }
  if (offset > 0) {
    const reason = "the server does not give a part of it";
    host.onEvent({ type: "restarted", registry: host.registry, digest, bytes: offset, reason });
  }
  return { body: response.body, surplusBytes: offset };
}

function isWantedRange({ headers }: HttpResponse, offset: number, size: number): boolean {
  const text = headerOf(headers, "content-range") ?? "";
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text.trim()) ?? [];
  return (
    Number(start) === offset && Number(end) < size && (total === "*" || Number(total) === size)
  );
}
