import type { RegistryContent } from "../../../src/server/memory-content.ts";
import type {
  RegistryMiddleware,
  RegistryRequest,
  RegistryResponse,
} from "../../../src/server/message.ts";

/** What faults know about the registry that they are in. */
export interface FaultContext {
  readonly content: RegistryContent;
  readonly now: () => number;
  /** `127.0.0.1:port` of the second origin. */
  readonly otherHost: () => string;
}

/** Makes the middleware of one switch from its value. */
export type FaultMaker<Value> = (value: Value, context: FaultContext) => RegistryMiddleware;

export type RequestKind =
  | "base"
  | "token"
  | "blob"
  | "upload-start"
  | "upload"
  | "manifest"
  | "tags"
  | "referrers"
  | "other";

export function kindOf({ path }: RegistryRequest): RequestKind {
  return PATHS.find(([, pattern]) => pattern.test(path))?.[0] ?? "other";
}

/** Id of the upload session that the path ends with. */
export function uploadIdOf({ path }: RegistryRequest): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function repositoryOf({ path }: RegistryRequest): string {
  return (
    /^\/v2\/(.+)\/(?:blobs\/uploads\/?[^/]*|(?:blobs|manifests|tags|referrers)\/[^/]+)$/.exec(
      path,
    )?.[1] ?? ""
  );
}

/** The response with some headers replaced; `undefined` removes. */
export function withHeaders(
  response: RegistryResponse,
  changes: Readonly<Record<string, string | readonly string[] | undefined>>,
): RegistryResponse {
  const headers = Object.entries({ ...response.headers, ...changes });
  return {
    ...response,
    headers: Object.fromEntries(
      headers.filter(
        (header): header is [string, string | readonly string[]] => header[1] !== undefined,
      ),
    ),
  };
}

/** The first middleware is the outermost. */
export function compose(middlewares: readonly RegistryMiddleware[]): RegistryMiddleware {
  return middlewares.reduceRight<RegistryMiddleware>(
    (inner, outer) => (request, next) => outer(request, (passed) => inner(passed, next)),
    (request, next) => next(request),
  );
}

/** True the first `times` times it is asked. */
export function countdown(times = Number.POSITIVE_INFINITY): () => boolean {
  let left = times;
  return () => left-- > 0;
}

const PATHS: readonly (readonly [RequestKind, RegExp])[] = [
  ["base", /^\/v2\/?$/],
  ["token", /^\/token$/],
  ["upload-start", /\/blobs\/uploads\/?$/],
  ["upload", /\/blobs\/uploads\/[^/]+$/],
  ["blob", /\/blobs\/[^/]+$/],
  ["manifest", /\/manifests\/[^/]+$/],
  ["tags", /\/tags\/list$/],
  ["referrers", /\/referrers\/[^/]+$/],
];
