import { isRepositoryName } from "../oci/reference.ts";
import type { RegistryBackend, RegistryWriter } from "./backend.ts";
import { deleteBlob, readBlob } from "./blobs.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, readManifest, writeManifest } from "./manifests.ts";
import {
  emptyResponse,
  errorResponse,
  type RegistryCall,
  type RegistryHandler,
  type RegistryRequest,
  type RegistryResponse,
  type WriteCall,
} from "./message.ts";
import { appendToUpload, cancelUpload, commitUpload, readUpload, startUpload } from "./uploads.ts";

export interface RoutedHandlerOptions {
  /** Whether the repositories are listed; default true. */
  readonly catalog?: boolean | undefined;
  /** Accept indexes whose children are missing; default: refuse them with MANIFEST_BLOB_UNKNOWN. */
  readonly sparseIndexes?: boolean | undefined;
}

export interface RegistryHandlerOptions extends RoutedHandlerOptions {
  /** Takes what is pushed; default: the registry can only be read. */
  readonly writer?: RegistryWriter | undefined;
}

/** Where a repository that was asked for is to be found. */
export interface RepositoryRoute {
  readonly backend: RegistryBackend;
  /** Its path there. */
  readonly repository: string;
  /** Takes what is pushed to it; default: it can only be read. */
  readonly writer?: RegistryWriter | undefined;
  /** Added to the answer. */
  readonly headers?: RegistryResponse["headers"];
}

/** `name` is empty for requests that are about no repository. */
export type RouteRepository = (
  request: RegistryRequest,
  name: string,
) => Promise<RepositoryRoute | RegistryResponse>;

/** The distribution API on plain requests and responses, over one backend. */
export function createRegistryHandler(
  backend: RegistryBackend,
  options: RegistryHandlerOptions = {},
): RegistryHandler {
  const { writer } = options;
  return createRoutedHandler(async (_, repository) => ({ backend, repository, writer }), options);
}

/** The same over many backends: each request is led to one. */
export function createRoutedHandler(
  routeRepository: RouteRepository,
  options: RoutedHandlerOptions = {},
): RegistryHandler {
  return async (request) => {
    const found = findRoute(request.path);
    if (found === undefined || (found.route === CATALOG && options.catalog === false)) {
      return errorResponse(404, { code: "UNSUPPORTED", message: "path is not part of the API" });
    }
    const { route, repository: name = "", reference = "" } = found;
    if (name !== "" && !isRepositoryName(name)) {
      return errorResponse(400, {
        code: "NAME_INVALID",
        message: "repository name is not allowed",
      });
    }
    const routed = await routeRepository(request, name);
    if ("status" in routed) return routed;
    const { headers = {}, writer, ...place } = routed;
    const operations = operationsOf(route, writer && { ...options, writer, routeRepository });
    const operation = operations[request.method];
    if (operation === undefined) return methodNotAllowed(Object.keys(operations));
    const response = await operation({ ...place, request, name, reference });
    return { ...response, headers: { ...response.headers, ...headers } };
  };
}

interface Writing extends RoutedHandlerOptions {
  readonly writer: RegistryWriter;
  readonly routeRepository: RouteRepository;
}

function operationsOf(
  { reads = {}, writes = {} }: Route,
  writing: Writing | undefined,
): Readonly<Record<string, Operation<RegistryCall>>> {
  if (writing === undefined) return reads;
  const { routeRepository, sparseIndexes = false, writer } = writing;
  const bound = Object.entries(writes).map(([method, write]) => {
    const operation = (call: RegistryCall) => {
      const locate = (name: string) => locateBeside(call, name, routeRepository);
      return write({ ...call, writer, sparseIndexes, locate });
    };
    return [method, operation] as const;
  });
  return { ...reads, ...Object.fromEntries(bound) };
}

/** Another repository as the client names it, if it is in the same backend. */
async function locateBeside(
  { backend, request }: RegistryCall,
  name: string,
  routeRepository: RouteRepository,
): Promise<string | undefined> {
  if (!isRepositoryName(name)) return undefined;
  const routed = await routeRepository(request, name);
  return "status" in routed || routed.backend !== backend ? undefined : routed.repository;
}

interface FoundRoute {
  readonly route: Route;
  readonly repository?: string;
  readonly reference?: string;
}

function findRoute(path: string): FoundRoute | undefined {
  for (const route of ROUTES) {
    const match = route.path.exec(path);
    if (match !== null) return { route, ...match.groups };
  }
  return undefined;
}

type Operation<Call> = (call: Call) => RegistryResponse | Promise<RegistryResponse>;

/** Operations by method. */
interface Route {
  readonly path: RegExp;
  readonly reads?: Readonly<Record<string, Operation<RegistryCall>>>;
  readonly writes?: Readonly<Record<string, Operation<WriteCall>>>;
}

const CATALOG: Route = {
  path: /^\/v2\/_catalog$/,
  reads: { GET: listRepositories, HEAD: listRepositories },
};

/** Tried in order: a repository may have segments called "blobs" or "uploads". */
const ROUTES: readonly Route[] = [
  { path: /^\/v2\/?$/, reads: { GET: readBase, HEAD: readBase } },
  CATALOG,
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/?$/,
    writes: { POST: startUpload },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/(?<reference>[^/]+)$/,
    writes: {
      GET: readUpload,
      PATCH: appendToUpload,
      PUT: commitUpload,
      DELETE: cancelUpload,
    },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/,
    reads: { GET: readBlob, HEAD: readBlob },
    writes: { DELETE: deleteBlob },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/,
    reads: { GET: readManifest, HEAD: readManifest },
    writes: { PUT: writeManifest, DELETE: deleteManifest },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/tags\/list$/,
    reads: { GET: listTags, HEAD: listTags },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/,
    reads: { GET: listReferrers, HEAD: listReferrers },
  },
];

function readBase(): RegistryResponse {
  return emptyResponse(200, { "docker-distribution-api-version": "registry/2.0" });
}

function methodNotAllowed(allowed: readonly string[]): RegistryResponse {
  return errorResponse(
    405,
    { code: "UNSUPPORTED", message: "method is not supported here" },
    { allow: allowed.join(", ") },
  );
}
