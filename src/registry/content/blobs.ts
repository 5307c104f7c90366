import { Readable } from "node:stream";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import { ContentMismatchError } from "../../oci/errors.ts";
import type { FetchOptions, OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import { RegistryResponseError } from "../errors.ts";
import type { RegistryHost } from "../host/registry-host.ts";
import { contentLengthOf, headerOf } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import { toUnreachableError } from "../transport/network-failure.ts";
import { type OpenedRange, ResumingBody } from "../transport/range-resume.ts";

/** Where an operation works: a repository of a host. */
export interface RepositoryContext {
  readonly host: RegistryHost;
  readonly repository: string;
}

/**
 * Streams a blob from `offset`. The registry is asked again after a cut, never the storage it redirected to: such
 * addresses expire.
 */
export async function fetchBlob(
  context: RepositoryContext,
  target: Descriptor,
  { offset = 0, signal }: FetchOptions = {},
): Promise<Readable> {
  const { digest, size } = target;
  if (offset > 0 && offset >= size) return Readable.from([]);
  const { host } = context;
  const patience = host.createPatience("GET", blobPath(context, digest));
  const open = (from: number, until?: AbortSignal) =>
    openRange(context, target, { offset: from, signal: until });
  return new ResumingBody({
    digest,
    size,
    offset,
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
  { signal }: OperationOptions = {},
): Promise<boolean> {
  const request = {
    target: blobPath(context, digest),
    scopes: [repositoryScope(context.repository, "pull")],
    signal,
  };
  const head = { ...request, method: "HEAD", accepts: [200, 400, 403, 404, 405] };
  const response = await context.host.send(head);
  await response.discard();
  if (response.status === 404) return false;
  if (response.status === 200) return isSize(response, size);
  // 405: no HEAD; 400 and 403: a redirect to storage whose address was signed for GET
  const headers = size > 0 ? { range: "bytes=0-0" } : {};
  const get = { ...request, headers, method: "GET", accepts: [200, 206, 404] };
  const probe = await context.host.send(get);
  await probe.discard();
  return probe.status !== 404;
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

function blobPath({ repository }: RepositoryContext, digest: Digest): string {
  parseDigest(digest);
  return `/v2/${repository}/blobs/${digest}`;
}

function isSize({ headers }: HttpResponse, size: number): boolean {
  const length = contentLengthOf(headers);
  return length === undefined || length === size;
}

interface RangeWish {
  readonly offset: number;
  readonly signal: AbortSignal | undefined;
}

async function openRange(
  context: RepositoryContext,
  target: Descriptor,
  { offset, signal }: RangeWish,
): Promise<OpenedRange> {
  const { host, repository } = context;
  const get = (headers: Record<string, string>, accepts: readonly number[]) => {
    const scopes = [repositoryScope(repository, "pull")];
    const path = blobPath(context, target.digest);
    return host.send({ method: "GET", target: path, headers, scopes, accepts, signal });
  };
  if (offset === 0) return whole(await get({}, [200]), target, { host, offset });
  // closed: some servers refuse or misread open ranges
  const response = await get({ range: `bytes=${offset}-${target.size - 1}` }, [200, 206, 416]);
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

function refuseEncoding(response: HttpResponse, { registry }: RegistryHost): void {
  const encoding = headerOf(response.headers, "content-encoding")?.trim().toLowerCase();
  if (!encoding || encoding === "identity") return;
  response.body.on("error", () => undefined).destroy();
  const { url, status } = response;
  const objection = `it encodes content as "${encoding}" though it was asked not to`;
  throw new RegistryResponseError({ registry, method: "GET", url, status, objection });
}
