import type { Digest } from "../../oci/digest.ts";
import type { OperationOptions } from "../../store/store.ts";
import { repositoryScope } from "../auth/scope.ts";
import type { RepositoryContext } from "../content/blobs.ts";
import { RegistryResponseError } from "../errors.ts";
import { isInward } from "../transport/connect/inward.ts";
import { headerOf, type ResponseHeaders } from "../transport/headers.ts";
import type { HttpResponse } from "../transport/http.ts";
import { resolveOwnUrl } from "../transport/own-url.ts";

/** A session that a registry has opened for one blob. */
export interface UploadStart {
  readonly location: URL;
  /** Every part but the last has to be at least this long. */
  readonly minPartBytes: number;
}

/** A registry that asks for more could make a client hold any amount. */
const MIN_PART_CEILING_BYTES = 1024 * 1024 * 1024;
const CANCEL_TIMEOUT_MS = 2_000;

export async function startUpload(
  context: RepositoryContext,
  { signal }: OperationOptions = {},
): Promise<UploadStart> {
  const response = await context.host.send({
    method: "POST",
    target: uploadsPath(context),
    scopes: [repositoryScope(context.repository, "pull", "push")],
    accepts: [202],
    signal,
  });
  await response.discard();
  return readUploadStart(context, response);
}

export function uploadsPath({ repository }: RepositoryContext): string {
  return `/v2/${repository}/blobs/uploads/`;
}

export function readUploadStart(context: RepositoryContext, response: HttpResponse): UploadStart {
  const location = locationOf(context, response);
  if (!location) throw refusal(context, response, "it opens an upload without a Location");
  return { location, minPartBytes: minPartBytesOf(response.headers) };
}

/** The address for the next request of an upload; it may be anywhere, but only here it gets credentials. */
export function locationOf(context: RepositoryContext, response: HttpResponse): URL | undefined {
  const text = headerOf(response.headers, "location");
  if (text === undefined) return undefined;
  const url = resolveOwnUrl(text, response.url);
  if (!url) throw refusal(context, response, "the Location is not a web address");
  if (response.url.protocol === "https:" && url.protocol === "http:") {
    throw refusal(context, response, `the Location "${url.host}" is plain HTTP`);
  }
  if (isInward(response.url, url, context.host.reachOfHost)) {
    throw refusal(context, response, `the Location "${url.host}" is in an inner network`);
  }
  return url;
}

/** The address that completes an upload: what the registry put into the query stays. */
export function commitUrlOf(location: URL, digest: Digest): URL {
  const url = new URL(location);
  // not by searchParams: that would rewrite the state of the registry
  url.search = `${url.search === "" ? "?" : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** Tells the registry to forget an upload. Needs a permission that few have, so failure is normal. */
export async function cancelUpload(context: RepositoryContext, location: URL): Promise<void> {
  try {
    const response = await context.host.sendOnce({
      method: "DELETE",
      target: location,
      scopes: [repositoryScope(context.repository, "pull", "push")],
      accepts: [200, 202, 204, 404],
      signal: AbortSignal.timeout(CANCEL_TIMEOUT_MS),
    });
    await response.discard();
  } catch {
    // registries forget unfinished uploads by themselves
  }
}

function minPartBytesOf(headers: ResponseHeaders): number {
  const text = headerOf(headers, "oci-chunk-min-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Math.min(Number(text), MIN_PART_CEILING_BYTES) : 0;
}

function refusal(
  { host }: RepositoryContext,
  { url, status }: HttpResponse,
  objection: string,
): RegistryResponseError {
  const { registry } = host;
  return new RegistryResponseError({ registry, method: "POST", url, status, objection });
}
