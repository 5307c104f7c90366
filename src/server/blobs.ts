import { isDigest } from "../oci/digest.ts";
import { parseByteRange } from "./byte-range.ts";
import type { RegistryCall } from "./call.ts";
import type { HeldBlob } from "./memory-content.ts";
import {
  emptyResponse,
  errorResponse,
  type RegistryRequest,
  type RegistryResponse,
} from "./message.ts";

/** GET and HEAD of a blob, whole or in one range. */
export function readBlob(call: RegistryCall): RegistryResponse {
  const blob = findBlob(call);
  if ("status" in blob) return blob;
  const headers = {
    "content-type": "application/octet-stream",
    "docker-content-digest": call.reference,
    "accept-ranges": "bytes",
    etag: `"${call.reference}"`,
  };
  const range = parseByteRange(rangeOf(call.request, headers.etag), blob.size);
  if (range === "unsatisfiable") {
    return errorResponse(
      416,
      { code: "RANGE_INVALID", message: "range is outside of the blob" },
      { "content-range": `bytes */${blob.size}` },
    );
  }
  const { start, end } = range === "everything" ? { start: 0, end: blob.size } : range;
  return {
    status: range === "everything" ? 200 : 206,
    headers: {
      ...headers,
      "content-length": String(end - start),
      ...(range === "everything"
        ? {}
        : { "content-range": `bytes ${start}-${end - 1}/${blob.size}` }),
    },
    ...(call.request.method === "HEAD" ? {} : { body: blob.open(start, end) }),
  };
}

export function deleteBlob(call: RegistryCall): RegistryResponse {
  const blob = findBlob(call);
  if ("status" in blob) return blob;
  call.content.repository(call.repository).blobs.delete(call.reference);
  return emptyResponse(202);
}

function findBlob({ content, repository, reference }: RegistryCall): HeldBlob | RegistryResponse {
  if (!isDigest(reference)) {
    return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
  }
  const blob = content.repositories.get(repository)?.blobs.get(reference);
  return (
    blob ??
    errorResponse(404, {
      code: "BLOB_UNKNOWN",
      message: "blob is not in this repository",
      detail: { digest: reference },
    })
  );
}

/** The range to honor: none when `If-Range` names other content. */
function rangeOf({ headers }: RegistryRequest, etag: string): string | undefined {
  const condition = headers["if-range"];
  return condition === undefined || condition === etag ? headers.range : undefined;
}
