import { errorResponse } from "../../../src/server/message.ts";
import { type FaultMaker, kindOf } from "./fault.ts";

/** Parts are not known: every PATCH is refused. */
export const patch: FaultMaker<404 | 405> = (status) => async (request, next) =>
  request.method === "PATCH"
    ? errorResponse(status, { code: "UNSUPPORTED", message: "send the blob in one request" })
    : next(request);

/** Like ECR: a PUT that completes an upload has to bring bytes. */
export const emptyCommit: FaultMaker<500> = (status) => async (request, next) => {
  const isEmpty = request.method === "PUT" && request.headers["content-length"] === "0";
  return kindOf(request) === "upload" && isEmpty
    ? errorResponse(status, { code: "UNKNOWN", message: "nothing to commit" })
    : next(request);
};

/** Like ACR: bodies have a length, and a Content-Range is two numbers without a unit. */
export const uploadHeaders: FaultMaker<"strict"> = () => async (request, next) => {
  if (kindOf(request) !== "upload" || !["PATCH", "PUT"].includes(request.method)) {
    return next(request);
  }
  const { "content-length": length, "content-range": range = "0-0" } = request.headers;
  if (length !== undefined && /^\d+-\d+$/.test(range)) return next(request);
  return errorResponse(400, { code: "CONTENT_LENGTH_INVALID", message: "length is not valid" });
};

/** Like Artifactory: manifest types in `Accept` are for manifests only. */
export const accept: FaultMaker<406> = (status) => async (request, next) => {
  const isManifest = ["manifest", "referrers"].includes(kindOf(request));
  if (isManifest || !/manifest/.test(request.headers.accept ?? "")) return next(request);
  return errorResponse(status, { code: "UNSUPPORTED", message: "type is not acceptable" });
};

/** Like distribution 3.0: larger pages of tags are refused, not cut. */
export const tagLimit: FaultMaker<number> = (limit) => async (request, next) =>
  kindOf(request) === "tags" && Number(request.query.get("n") ?? 0) > limit
    ? errorResponse(400, { code: "PAGINATION_NUMBER_INVALID", message: "n is too large" })
    : next(request);
