import { isRepositoryName } from "../oci/reference.ts";
import { deleteBlob, readBlob } from "./blobs.ts";
import type { RegistryCall } from "./call.ts";
import { listReferrers, listRepositories, listTags } from "./lists.ts";
import { deleteManifest, readManifest, writeManifest } from "./manifests.ts";
import type { RegistryContent } from "./memory-content.ts";
import {
  emptyResponse,
  errorResponse,
  type RegistryHandler,
  type RegistryResponse,
} from "./message.ts";
import { appendToUpload, cancelUpload, commitUpload, readUpload, startUpload } from "./uploads.ts";

export interface RegistryHandlerOptions {
  /** Accept indexes whose children are missing; default: refuse them with MANIFEST_BLOB_UNKNOWN. */
  readonly sparseIndexes?: boolean | undefined;
}

/** The distribution API on plain requests and responses. */
export function createRegistryHandler(
  content: RegistryContent,
  { sparseIndexes = false }: RegistryHandlerOptions = {},
): RegistryHandler {
  return async (request) => {
    for (const { path, operations } of ROUTES) {
      const match = path.exec(request.path);
      if (match === null) continue;
      const { repository = "", reference = "" } = match.groups ?? {};
      if (match.groups !== undefined && !isRepositoryName(repository)) {
        return errorResponse(400, {
          code: "NAME_INVALID",
          message: "repository name is not allowed",
        });
      }
      const operation = operations[request.method];
      if (operation === undefined) return methodNotAllowed(Object.keys(operations));
      return operation({ content, request, repository, reference, sparseIndexes });
    }
    return errorResponse(404, { code: "UNSUPPORTED", message: "path is not part of the API" });
  };
}

type Operation = (call: RegistryCall) => RegistryResponse | Promise<RegistryResponse>;

interface Route {
  readonly path: RegExp;
  readonly operations: Readonly<Record<string, Operation>>;
}

/** Tried in order: a repository may have segments called "blobs" or "uploads". */
const ROUTES: readonly Route[] = [
  { path: /^\/v2\/?$/, operations: { GET: readBase, HEAD: readBase } },
  { path: /^\/v2\/_catalog$/, operations: { GET: listRepositories } },
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/?$/,
    operations: { POST: startUpload },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/uploads\/(?<reference>[^/]+)$/,
    operations: {
      GET: readUpload,
      PATCH: appendToUpload,
      PUT: commitUpload,
      DELETE: cancelUpload,
    },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/blobs\/(?<reference>[^/]+)$/,
    operations: { GET: readBlob, HEAD: readBlob, DELETE: deleteBlob },
  },
  {
    path: /^\/v2\/(?<repository>.+)\/manifests\/(?<reference>[^/]+)$/,
    operations: {
      GET: readManifest,
      HEAD: readManifest,
      PUT: writeManifest,
      DELETE: deleteManifest,
    },
  },
  { path: /^\/v2\/(?<repository>.+)\/tags\/list$/, operations: { GET: listTags } },
  {
    path: /^\/v2\/(?<repository>.+)\/referrers\/(?<reference>[^/]+)$/,
    operations: { GET: listReferrers },
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
