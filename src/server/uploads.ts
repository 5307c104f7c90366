import { isDigest } from "../oci/digest.ts";
import type { BackendUpload } from "./backend.ts";
import {
  emptyResponse,
  errorResponse,
  locationOf,
  type RegistryResponse,
  type WriteCall,
} from "./message.ts";

/** POST: opens a session, stores a whole blob (`digest`) or links one from another repository (`mount`). */
export async function startUpload(call: WriteCall): Promise<RegistryResponse> {
  const { repository, request, writer } = call;
  const digest = request.query.get("digest");
  if (digest !== null && !isDigest(digest)) return badDigest();
  const mounted = await mountBlob(call);
  if (mounted !== undefined) return mounted;
  const id = await writer.startUpload(repository);
  const session = { ...call, reference: id };
  return digest === null ? sessionResponse(202, session, 0) : commitUpload(session);
}

export async function readUpload(call: WriteCall): Promise<RegistryResponse> {
  const upload = await findUpload(call);
  return "status" in upload ? upload : sessionResponse(204, call, upload.size);
}

/** PATCH: with `Content-Range` the part has to start where the session ends. */
export async function appendToUpload(call: WriteCall): Promise<RegistryResponse> {
  const upload = await findUpload(call);
  if ("status" in upload) return upload;
  const refused = refusePart(call, upload);
  if (refused !== undefined) return refused;
  await upload.append(call.request.body);
  return sessionResponse(202, call, upload.size);
}

/** PUT: takes the last part, if there is one, and turns the session into a blob. */
export async function commitUpload(call: WriteCall): Promise<RegistryResponse> {
  const upload = await findUpload(call);
  if ("status" in upload) return upload;
  const digest = call.request.query.get("digest") ?? "";
  if (!isDigest(digest)) return badDigest();
  const refused = refusePart(call, upload);
  if (refused !== undefined) return refused;
  await upload.append(call.request.body);
  if (await upload.commit(digest)) return blobResponse(call, digest);
  return errorResponse(400, {
    code: "DIGEST_INVALID",
    message: "digest does not match the uploaded content",
  });
}

export async function cancelUpload(call: WriteCall): Promise<RegistryResponse> {
  const upload = await findUpload(call);
  if ("status" in upload) return upload;
  await upload.cancel();
  return emptyResponse(204);
}

async function mountBlob(call: WriteCall): Promise<RegistryResponse | undefined> {
  const { locate, repository, request, writer } = call;
  const digest = request.query.get("mount") ?? "";
  if (!isDigest(digest)) return undefined;
  const from = await locate(request.query.get("from") ?? "");
  if (from === undefined || !(await writer.linkBlob(repository, digest, from))) return undefined;
  return blobResponse(call, digest);
}

async function findUpload(call: WriteCall): Promise<BackendUpload | RegistryResponse> {
  const upload = await call.writer.findUpload(call.repository, call.reference);
  if (upload !== undefined) return upload;
  return errorResponse(404, { code: "BLOB_UPLOAD_UNKNOWN", message: "upload is not known" });
}

function refusePart(call: WriteCall, upload: BackendUpload): RegistryResponse | undefined {
  const { headers } = call.request;
  if (upload.isWriting) {
    return errorResponse(400, {
      code: "BLOB_UPLOAD_INVALID",
      message: "another request writes to this upload",
    });
  }
  const range = headers["content-range"];
  if (range === undefined) return undefined;
  const [, first, last] = /^(\d+)-(\d+)$/.exec(range) ?? [];
  const length = Number(last) + 1 - Number(first);
  const isNext = Number(first) === upload.size && length > 0;
  const isWhole = Number(headers["content-length"] ?? length) === length;
  if (isNext && isWhole) return undefined;
  return errorResponse(
    416,
    { code: "RANGE_INVALID", message: "part does not start where the upload ends" },
    sessionHeaders(call, upload.size),
  );
}

function badDigest(): RegistryResponse {
  return errorResponse(400, { code: "DIGEST_INVALID", message: "digest cannot be parsed" });
}

function blobResponse(call: WriteCall, digest: string): RegistryResponse {
  return emptyResponse(201, {
    location: locationOf(call, `blobs/${digest}`),
    "docker-content-digest": digest,
  });
}

function sessionResponse(status: number, call: WriteCall, size: number): RegistryResponse {
  return emptyResponse(status, sessionHeaders(call, size));
}

/** An empty session is `0-0`, as distribution writes it: the specification has no form for it. */
function sessionHeaders(call: WriteCall, size: number): RegistryResponse["headers"] {
  const { reference } = call;
  return {
    location: locationOf(call, `blobs/uploads/${reference}`),
    "docker-upload-uuid": reference,
    range: `0-${Math.max(size - 1, 0)}`,
  };
}
