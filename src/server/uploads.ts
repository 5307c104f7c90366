import { createHash, randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { createDigestHash, type Digest, isDigest } from "../oci/digest.ts";
import type { RegistryCall } from "./call.ts";
import { bufferContent, type Upload } from "./memory-content.ts";
import { emptyResponse, errorResponse, type RegistryResponse } from "./message.ts";

/** POST: opens a session, stores a whole blob (`digest`) or links one from another repository (`mount`). */
export async function startUpload(call: RegistryCall): Promise<RegistryResponse> {
  const { content, repository, request } = call;
  const mounted = mountBlob(call);
  if (mounted !== undefined) return mounted;
  const upload: Upload = {
    repository,
    parts: [],
    sha256: createHash("sha256"),
    size: 0,
    isWriting: false,
  };
  const id = randomUUID();
  content.uploads.set(id, upload);
  if (request.query.has("digest")) return commitUpload({ ...call, reference: id });
  return sessionResponse(202, id, upload);
}

export function readUpload(call: RegistryCall): RegistryResponse {
  const upload = findUpload(call);
  return "status" in upload ? upload : sessionResponse(204, call.reference, upload);
}

/** PATCH: with `Content-Range` the part has to start where the session ends. */
export async function appendToUpload(call: RegistryCall): Promise<RegistryResponse> {
  const upload = findUpload(call);
  if ("status" in upload) return upload;
  const refused = refusePart(call, upload);
  if (refused !== undefined) return refused;
  await append(upload, call.request.body);
  return sessionResponse(202, call.reference, upload);
}

/** PUT: takes the last part, if there is one, and turns the session into a blob. */
export async function commitUpload(call: RegistryCall): Promise<RegistryResponse> {
  const upload = findUpload(call);
  if ("status" in upload) return upload;
  const digest = call.request.query.get("digest") ?? "";
  if (!isDigest(digest)) {
    return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
  }
  const refused = refusePart(call, upload);
  if (refused !== undefined) return refused;
  await append(upload, call.request.body);
  call.content.uploads.delete(call.reference);
  if (digestOfUpload(upload, digest) !== digest) {
    return errorResponse(400, {
      code: "DIGEST_INVALID",
      message: "digest does not match the uploaded content",
    });
  }
  const { blobs } = call.content.repository(call.repository);
  blobs.set(digest, bufferContent(Buffer.concat(upload.parts, upload.size)));
  return blobResponse(call.repository, digest);
}

export function cancelUpload(call: RegistryCall): RegistryResponse {
  const upload = findUpload(call);
  if ("status" in upload) return upload;
  call.content.uploads.delete(call.reference);
  return emptyResponse(204);
}

function mountBlob({ content, repository, request }: RegistryCall): RegistryResponse | undefined {
  const digest = request.query.get("mount") ?? "";
  const from = request.query.get("from") ?? "";
  const blob = content.repositories.get(from)?.blobs.get(digest);
  if (blob === undefined) return undefined;
  content.repository(repository).blobs.set(digest, blob);
  return blobResponse(repository, digest);
}

function findUpload({ content, repository, reference }: RegistryCall): Upload | RegistryResponse {
  const upload = content.uploads.get(reference);
  if (upload?.repository === repository) return upload;
  return errorResponse(404, { code: "BLOB_UPLOAD_UNKNOWN", message: "upload is not known" });
}

function refusePart(
  { request, reference }: RegistryCall,
  upload: Upload,
): RegistryResponse | undefined {
  if (upload.isWriting) {
    return errorResponse(400, {
      code: "BLOB_UPLOAD_INVALID",
      message: "another request writes to this upload",
    });
  }
  const range = request.headers["content-range"];
  if (range === undefined) return undefined;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  const length = Number(last) + 1 - Number(first);
  const isNext = Number(first) === upload.size && length > 0;
  const isWhole = Number(request.headers["content-length"] ?? length) === length;
  if (isNext && isWhole) return undefined;
  return errorResponse(
    416,
    { code: "RANGE_INVALID", message: "part does not start where the upload ends" },
    sessionHeaders(reference, upload),
  );
}

/** What arrived before a connection broke stays in the session. */
async function append(upload: Upload, body: Readable): Promise<void> {
  upload.isWriting = true;
  try {
    for await (const part of body as AsyncIterable<Buffer>) {
      upload.parts.push(part);
      upload.sha256.update(part);
      upload.size += part.length;
    }
  } finally {
    upload.isWriting = false;
  }
}

function digestOfUpload(upload: Upload, wanted: Digest): Digest {
  if (wanted.startsWith("sha256:")) return `sha256:${upload.sha256.digest("hex")}`;
  const hash = createDigestHash(wanted);
  for (const part of upload.parts) hash.update(part);
  return `${wanted.slice(0, wanted.indexOf(":"))}:${hash.digest("hex")}`;
}

function blobResponse(repository: string, digest: Digest): RegistryResponse {
  return emptyResponse(201, {
    location: `/v2/${repository}/blobs/${digest}`,
    "docker-content-digest": digest,
  });
}

function sessionResponse(status: number, id: string, upload: Upload): RegistryResponse {
  return emptyResponse(status, sessionHeaders(id, upload));
}

/** An empty session is `0-0`, as distribution writes it: the specification has no form for it. */
function sessionHeaders(id: string, { repository, size }: Upload): RegistryResponse["headers"] {
  return {
    location: `/v2/${repository}/blobs/uploads/${id}`,
    "docker-upload-uuid": id,
    range: `0-${Math.max(size - 1, 0)}`,
  };
}
