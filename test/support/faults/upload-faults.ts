import {
  emptyResponse,
  errorResponse,
  type RegistryMiddleware,
  type RegistryRequest,
  type RegistryResponse,
} from "../../../src/server/message.ts";
import { type Break, breakConnection, breakRequest, lazily } from "./connection.ts";
import { countdown, type FaultMaker, kindOf, uploadIdOf, withHeaders } from "./fault.ts";

export type RangeStyle =
  /** With a unit: `bytes=0-9` for ten bytes. */
  | "bytes"
  /** One too many: `0-10` for ten bytes. */
  | "exclusive"
  | "bytes-exclusive"
  /** Stays at the end of the first part. */
  | "lagging"
  /** Covers the last part only. */
  | "part-relative"
  | "absent";

export type LocationStyle =
  /** `http://host/v2/…` */
  | "absolute"
  /** The id alone, relative to the URL of the request. */
  | "path-relative"
  /** An absolute URL of the second origin. */
  | "other-origin";

/** How a session with bytes reports them. */
export const statusRange: FaultMaker<RangeStyle> = (style, { content }) => {
  const first = new Map<string, number>();
  const last = new Map<string, number>();
  return async (request, next) => {
    const before = content.uploads.get(uploadIdOf(request))?.size ?? 0;
    const response = await next(request);
    const id = String(response.headers["docker-upload-uuid"] ?? "");
    const size = content.uploads.get(id)?.size ?? 0;
    if (size === 0) return response;
    if (size > before) last.set(id, size - before);
    if (!first.has(id)) first.set(id, size);
    const ranges: Readonly<Record<RangeStyle, string | undefined>> = {
      bytes: `bytes=0-${size - 1}`,
      exclusive: `0-${size}`,
      "bytes-exclusive": `bytes=0-${size}`,
      lagging: `0-${(first.get(id) ?? size) - 1}`,
      "part-relative": `0-${(last.get(id) ?? size) - 1}`,
      absent: undefined,
    };
    return withHeaders(response, { range: ranges[style] });
  };
};

/** How a session without bytes reports that; a correct registry here says `0-0`. */
export const emptyRange: FaultMaker<"0--1" | "bytes=0--1" | "absent"> =
  (style, { content }) =>
  async (request, next) => {
    const response = await next(request);
    const id = String(response.headers["docker-upload-uuid"] ?? "");
    if (content.uploads.get(id)?.size !== 0) return response;
    return withHeaders(response, { range: style === "absent" ? undefined : style });
  };

export const location: FaultMaker<LocationStyle> = (style, { otherHost }) =>
  onSession((response, request) => {
    const path = String(response.headers["location"]);
    const locations: Readonly<Record<LocationStyle, string>> = {
      absolute: `http://${request.headers.host}${path}`,
      "path-relative": path.slice(path.lastIndexOf("/") + 1),
      "other-origin": `http://${otherHost()}${path}`,
    };
    return withHeaders(response, { location: locations[style] });
  });

/**
 * Like distribution 2.8: each Location carries the offset, and every request, also for the status, needs the one that
 * fits the bytes there are. After an aborted part none does.
 */
export const stateToken: FaultMaker<true> = (_, { content }) => {
  const tokenOf = (id: string) =>
    Buffer.from(`${id} ${content.uploads.get(id)?.size}`).toString("base64");
  const addToken = onSession((response) => {
    const id = String(response.headers["docker-upload-uuid"]);
    const query = new URLSearchParams({ _state: tokenOf(id) });
    return withHeaders(response, { location: `${response.headers["location"]}?${query}` });
  });
  return async (request, next) => {
    const isStale =
      kindOf(request) === "upload" && request.query.get("_state") !== tokenOf(uploadIdOf(request));
    if (isStale) return sessionInvalid();
    return addToken(request, next);
  };
};

/** Like zot: a part that breaks off takes the session with it. */
export const abortedPatch: FaultMaker<"deletes-session"> =
  (_, { content }) =>
  async (request, next) => {
    try {
      return await next(request);
    } catch (error) {
      if (request.method === "PATCH") content.uploads.delete(uploadIdOf(request));
      throw error;
    }
  };

export const patchStatus: FaultMaker<201> = (status) => async (request, next) => {
  const response = await next(request);
  return request.method === "PATCH" && response.status === 202 ? { ...response, status } : response;
};

/** Like GHCR: a larger PATCH is refused with 416. */
export const partLimitBytes: FaultMaker<number> = (limit) => async (request, next) =>
  request.method === "PATCH" ? limitBody(request, next, { limit, status: 416 }) : next(request);

/** Like a proxy in front of the registry: larger bodies are refused, or their connection is cut. */
export const bodyLimit: FaultMaker<{ readonly bytes: number; readonly answer: 413 | "reset" }> =
  ({ answer, bytes }) =>
  async (request, next) => {
    if (!isUpload(request)) return next(request);
    const response = await limitBody(request, next, { limit: bytes, status: 413 });
    if (response.status === 413 && answer === "reset") {
      await breakConnection(request.socket, "reset");
    }
    return response;
  };

/** Announces `OCI-Chunk-Min-Length` and refuses whatever follows a shorter part. */
export const minPartBytes: FaultMaker<number> = (limit, { content }) => {
  const ended = new Set<string>();
  return async (request, next) => {
    const id = uploadIdOf(request);
    const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (kindOf(request) === "upload" && length > 0 && ended.has(id)) {
      return errorResponse(416, { code: "SIZE_INVALID", message: "an earlier part is too short" });
    }
    const before = content.uploads.get(id)?.size ?? 0;
    const response = await next(request);
    const added = (content.uploads.get(id)?.size ?? 0) - before;
    if (request.method === "PATCH" && added > 0 && added < limit) ended.add(id);
    if (kindOf(request) !== "upload-start") return response;
    return withHeaders(response, { "oci-chunk-min-length": String(limit) });
  };
};

/** The status of a session cannot be read. */
export const statusGet: FaultMaker<400 | 404 | 405> = (status) => async (request, next) => {
  if (kindOf(request) !== "upload" || request.method !== "GET") return next(request);
  return status !== 405
    ? errorResponse(status, { code: "BLOB_UPLOAD_UNKNOWN", message: "upload is not known" })
    : errorResponse(405, { code: "UNSUPPORTED", message: "method is not supported" });
};

export const statusLocation: FaultMaker<"absent"> = () => async (request, next) => {
  const response = await next(request);
  const isStatus = kindOf(request) === "upload" && request.method === "GET";
  return isStatus ? withHeaders(response, { location: undefined }) : response;
};

/** The session is gone when it is used for the `after`-th time. */
export const sessionLost: FaultMaker<{ readonly after: number; readonly times?: number }> = (
  { after, times = 1 },
  { content },
) => {
  const isDue = countdown(times);
  let used = 0;
  return async (request, next) => {
    if (kindOf(request) !== "upload" || ++used < after || !isDue()) return next(request);
    content.uploads.delete(uploadIdOf(request));
    return next(request);
  };
};

/** Called before a blob is committed: the test decides how long that takes. */
export const commitWait: FaultMaker<() => Promise<void>> = (wait) => async (request, next) => {
  if (kindOf(request) === "upload" && request.method === "PUT") await wait();
  return next(request);
};

/** The blob is stored, the answer is not sent. */
export const commitReset: FaultMaker<{ readonly times?: number }> = ({ times }) => {
  const isDue = countdown(times);
  return async (request, next) => {
    const response = await next(request);
    const isCommit = kindOf(request) === "upload" && request.method === "PUT";
    if (isCommit && response.status === 201 && isDue()) {
      await breakConnection(request.socket, "reset");
    }
    return response;
  };
};

/** Like distribution 2.8: a POST with a whole blob only opens a session. */
export const postDigest: FaultMaker<"ignored"> = () => async (request, next) => {
  if (kindOf(request) !== "upload-start" || !request.query.has("digest")) return next(request);
  const query = new URLSearchParams(request.query);
  query.delete("digest");
  return next({ ...request, query });
};

export const mount: FaultMaker<202 | 401 | 403 | 404 | 405> = (status) => async (request, next) => {
  if (kindOf(request) !== "upload-start" || !request.query.has("mount")) return next(request);
  if (status === 202) return next({ ...request, query: new URLSearchParams() });
  const codes = { 401: "UNAUTHORIZED", 403: "DENIED", 404: "NAME_UNKNOWN", 405: "UNSUPPORTED" };
  return errorResponse(status, { code: codes[status], message: "no mounting here" });
};

/** Blobs are not deleted, and the registry says so or does not. */
export const blobDelete: FaultMaker<405 | "ignored"> = (answer) => async (request, next) => {
  if (request.method !== "DELETE" || kindOf(request) !== "blob") return next(request);
  return answer === 405
    ? errorResponse(405, { code: "UNSUPPORTED", message: "deleting is disabled" })
    : emptyResponse(202);
};

/** Breaks connections of uploads after so many bytes of a body have been taken. */
export const dropUpload: FaultMaker<{
  readonly afterBytes: number;
  readonly how: Break;
  /** Default: always. */
  readonly times?: number;
}> = ({ afterBytes, how, times }) => {
  const isDue = countdown(times);
  return async (request, next) => {
    const length = Number(request.headers["content-length"] ?? Number.POSITIVE_INFINITY);
    if (!isUpload(request) || length <= afterBytes || !isDue()) return next(request);
    return next(breakRequest(request, { afterBytes, how }));
  };
};

function isUpload(request: RegistryRequest): boolean {
  return ["upload", "upload-start"].includes(kindOf(request)) && request.method !== "GET";
}

function onSession(
  change: (response: RegistryResponse, request: RegistryRequest) => RegistryResponse,
): RegistryMiddleware {
  return async (request, next) => {
    const response = await next(request);
    return "docker-upload-uuid" in response.headers ? change(response, request) : response;
  };
}

function sessionInvalid(): RegistryResponse {
  return errorResponse(404, { code: "BLOB_UPLOAD_INVALID", message: "upload state does not fit" });
}

/** Refuses at once what says how long it is, and in the middle what does not. */
async function limitBody(
  request: RegistryRequest,
  next: Parameters<RegistryMiddleware>[1],
  { limit, status }: { readonly limit: number; readonly status: number },
): Promise<RegistryResponse> {
  const refused = errorResponse(status, {
    code: "SIZE_INVALID",
    message: "request body is too large",
  });
  if (Number(request.headers["content-length"] ?? 0) > limit) return refused;
  const tooLarge = new Error("request body is too large");
  try {
    return await next({ ...request, body: lazily(upTo(request.body, limit, tooLarge)) });
  } catch (error) {
    if (error === tooLarge) return refused;
    throw error;
  }
}

async function* upTo(
  body: AsyncIterable<Buffer>,
  limit: number,
  tooLarge: Error,
): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw tooLarge;
    yield chunk;
  }
}
