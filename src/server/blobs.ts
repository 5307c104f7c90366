import { type Digest, isDigest } from "../oci/digest.ts";
import type { BlobStat } from "./backend.ts";
import { parseByteRange } from "./byte-range.ts";
import {
  emptyResponse,
  errorResponse,
  isUnchanged,
  type RegistryCall,
  type RegistryRequest,
  type RegistryResponse,
  soleAccepted,
  type WriteCall,
} from "./message.ts";

/** GET and HEAD of a blob, whole or in one range. */
export async function readBlob(call: RegistryCall): Promise<RegistryResponse> {
  const found = await findBlob(call);
  if ("status" in found) return found;
  const { backend, repository, request } = call;
  const { cache, digest, isUntyped, size } = found;
  const accepted = isUntyped ? soleAccepted(request) : undefined;
  const headers = {
    "content-type": accepted ?? "application/octet-stream",
    "docker-content-digest": digest,
    "accept-ranges": "bytes",
    etag: `"${digest}"`,
  };
  if (isUnchanged(request, headers.etag)) return { status: 304, headers, cache };
  const range = parseByteRange(rangeOf(request, headers.etag), size);
  if (range === "unsatisfiable") {
    return errorResponse(
      416,
      { code: "RANGE_INVALID", message: "range is outside of the blob" },
      { "content-range": `bytes */${size}` },
    );
  }
  const { start, end } = range === "everything" ? { start: 0, end: size } : range;
  return {
    status: range === "everything" ? 200 : 206,
    cache,
    headers: {
      ...headers,
      "content-length": String(end - start),
      ...(range === "everything" ? {} : { "content-range": `bytes ${start}-${end - 1}/${size}` }),
    },
    ...(request.method === "HEAD"
      ? {}
      : { body: await backend.openBlob(repository, digest, { start, end }) }),
  };
}

export async function deleteBlob(call: WriteCall): Promise<RegistryResponse> {
  const found = await findBlob(call);
  if ("status" in found) return found;
  await call.writer.deleteBlob(call.repository, found.digest);
  return emptyResponse(202);
}

interface FoundBlob extends BlobStat {
  readonly digest: Digest;
}

async function findBlob(call: RegistryCall): Promise<FoundBlob | RegistryResponse> {
  const { backend, repository, reference } = call;
  if (!isDigest(reference)) {
    return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
  }
  const stat = await backend.statBlob(repository, reference);
  if (stat !== undefined) return { ...stat, digest: reference };
  return errorResponse(404, {
    code: "BLOB_UNKNOWN",
    message: "blob is not in this repository",
    detail: { digest: reference },
  });
}

/** The range to honor: none when `If-Range` names other content. */
function rangeOf({ headers }: RegistryRequest, etag: string): string | undefined {
  const condition = headers["if-range"];
  return condition === undefined || condition === etag ? headers.range : undefined;
}
