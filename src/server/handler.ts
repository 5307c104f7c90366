import { isRepositoryName } from "../oci/reference.ts";
import type { RegistryBackend, RegistryWriter } from "./backend.ts";
import { deleteBlob, readBlob } from "./blobs.ts";
import type { RegistryCall, WriteCall } from "./call.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, readManifest, writeManifest } from "./manifests.ts";
import {
  emptyResponse,
  errorResponse,
  type RegistryHandler,
  type RegistryResponse,
} from "./message.ts";
import { appendToUpload, cancelUpload, commitUpload, readUpload, startUpload } from "./uploads.ts";

export interface RegistryHandlerOptions {
  /** Takes what is pushed; default: the registry can only be read. */
  readonly writer?: RegistryWriter | undefined;
  /** Accept indexes whose children are missing; default: refuse them with MANIFEST_BLOB_UNKNOWN. */
  readonly sparseIndexes?: boolean | undefined;
}

/** The distribution API on plain requests and responses. */
export function createRegistryHandler(
  backend: RegistryBackend,
  { sparseIndexes = false, writer }: RegistryHandlerOptions = {},
): RegistryHandler {
  return async (request) => {
    const found = findRoute(request.path);
    if (found === undefined) {
      return errorResponse(404, { code: "UNSUPPORTED", message: "path is not part of the API" });
    }
    const { route, repository, reference } = found;
    if (repository !== undefined && !isRepositoryName(repository)) {
      return errorResponse(400, {
        code: "NAME_INVALID",
        message: "repository name is not allowed",
      });
    }
    const { reads = {}, writes = {} } = route;
    const call = { backend, request, repository: repository ?? "", reference: reference ?? "" };
    const read = reads[request.method];
    if (read !== undefined) return read(call);
    const write = writes[request.method];
    if (write && writer) return write({ ...call, writer, sparseIndexes });
    return methodNotAllowed(Object.keys(writer ? { ...reads, ...writes } : reads));
  };
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

/** Tried in order: a repository may have segments called "blobs" or "uploads". */
const ROUTES: readonly Route[] = [
  { path: /^\/v2\/?$/, reads: { GET: readBase, HEAD: readBase } },
  { path: /^\/v2\/_catalog$/, reads: { GET: listRepositories } },
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
  { path: /^\/v2\/(?<repository>.+)\/tags\/list$/, reads: { GET: listTags } },
  {
    path: /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/,
    reads: { GET: listReferrers },
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
