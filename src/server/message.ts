import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import type { CacheUse, RegistryBackend, RegistryWriter } from "./backend.ts";

export interface RegistryRequest {
  readonly method: string;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
  /** The connection that the request came on. */
  readonly socket: Socket;
}

export interface RegistryResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Not sent in answers to HEAD. */
  readonly body?: Buffer | Readable;
  /** How a cache came by what is sent. */
  readonly cache?: CacheUse | undefined;
  /** What went wrong, where the client is not told; never sent. */
  readonly failure?: unknown;
}

export type RegistryHandler = (request: RegistryRequest) => Promise<RegistryResponse>;

/** Sees each request before and each response after the registry; may answer without calling `next`. */
export type RegistryMiddleware = (
  request: RegistryRequest,
  next: RegistryHandler,
) => Promise<RegistryResponse>;

export function emptyResponse(
  status: number,
  headers: RegistryResponse["headers"] = {},
): RegistryResponse {
  return { status, headers: status === 204 ? headers : { "content-length": "0", ...headers } };
}

export function jsonResponse(
  status: number,
  value: unknown,
  headers: RegistryResponse["headers"] = {},
): RegistryResponse {
  const body = Buffer.from(JSON.stringify(value));
  return {
    status,
    headers: {
      "content-type": "application/json",
      "content-length": String(body.length),
      ...headers,
    },
    body,
  };
}

/** Whether the client has what it asks for: `If-None-Match` names it. */
export function isUnchanged({ headers }: RegistryRequest, etag: string): boolean {
  const known = headers["if-none-match"]?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return known?.some((tag) => tag === etag || tag === "*") ?? false;
}

/** The one type that the client accepts, for what has no type itself; undefined if it accepts several, or any. */
export function soleAccepted({ headers }: RegistryRequest): string | undefined {
  return /^[\w.+-]+\/[\w.+-]+$/.exec(headers.accept?.trim() ?? "")?.[0];
}

/** The error document of the distribution specification with one error. */
export function errorResponse(
  status: number,
  error: { readonly code: string; readonly message: string; readonly detail?: unknown },
  headers: RegistryResponse["headers"] = {},
): RegistryResponse {
  return jsonResponse(status, { errors: [error] }, headers);
}

export function unknownRepository(name: string): RegistryResponse {
  return errorResponse(404, {
    code: "NAME_UNKNOWN",
    message: "repository is not known",
    detail: { name },
  });
}

/** One request after routing. */
export interface RegistryCall {
  readonly backend: RegistryBackend;
  readonly request: RegistryRequest;
  /** Path of the repository in the backend. */
  readonly repository: string;
  /** The same as the client named it. */
  readonly name: string;
  /** Last segment of the path: a digest, a tag or the id of an upload. */
  readonly reference: string;
}

/** Where clients find something of the repository that they named: what said which registry they mean is repeated. */
export function locationOf({ name, request }: RegistryCall, path: string): string {
  const namespace = request.query.get("ns");
  const query = namespace === null ? "" : `?${new URLSearchParams({ ns: namespace })}`;
  return `/v2/${name}/${path}${query}`;
}

/** One request that changes the registry. */
export interface WriteCall extends RegistryCall {
  readonly writer: RegistryWriter;
  readonly sparseIndexes: boolean;
  /** Path of another repository in the backend, by the name that clients know; undefined: it is not there. */
  readonly locate: (name: string) => Promise<string | undefined>;
}
