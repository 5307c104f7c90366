import { errorResponse, jsonResponse } from "../../../src/server/message.ts";
import { type FaultMaker, kindOf, withHeaders } from "./fault.ts";

export type LinkStyle =
  | "relative"
  | "absolute"
  /** Without the first part of the path that the repository has. */
  | "misplaced"
  /** Leads to the second origin. */
  | "foreign"
  /** Leads to the page that it is on. */
  | "looping"
  | "none";

/** Tag lists come in pages of at most `size`, whatever was asked for. */
export const tagPages: FaultMaker<{ readonly size: number; readonly link: LinkStyle }> = (
  { link, size },
  { otherHost },
) => {
  return async (request, next) => {
    if (kindOf(request) !== "tags") return next(request);
    const query = new URLSearchParams(request.query);
    query.set("n", String(Math.min(Number(query.get("n") ?? size), size)));
    const response = await next({ ...request, query });
    const target = /^<(.+)>/.exec(String(response.headers["link"] ?? ""))?.[1];
    if (target === undefined) return response;
    const targets: Readonly<Record<LinkStyle, string | undefined>> = {
      relative: target,
      absolute: `http://${request.headers.host}${target}`,
      misplaced: target.replace(/^\/v2\/[^/]+\//, "/v2/"),
      foreign: `http://${otherHost()}${target}`,
      looping: `${request.path}?${query}`,
      none: undefined,
    };
    const chosen = targets[link];
    return withHeaders(response, { link: chosen && `<${chosen}>; rel="next"` });
  };
};

export type ReferrersFault =
  /** 404 in plain text: a registry that does not know the path. */
  | 404
  /** 404 with the error document. */
  | "name-unknown"
  /** 200 with a document that is no index. */
  | "wrong-type"
  /** `artifactType` is not looked at. */
  | "unfiltered";

export const referrers: FaultMaker<ReferrersFault> = (fault) => async (request, next) => {
  if (kindOf(request) !== "referrers") return next(request);
  switch (fault) {
    case 404: {
      const body = Buffer.from("404 page not found\n");
      return { status: 404, headers: { "content-type": "text/plain; charset=utf-8" }, body };
    }
    case "name-unknown":
      return errorResponse(404, { code: "NAME_UNKNOWN", message: "repository is not known" });
    case "wrong-type":
      return jsonResponse(200, { status: "ok" });
    case "unfiltered":
      return next({ ...request, query: new URLSearchParams() });
  }
};

/** Manifests with a subject are taken without a word about it: the client has to keep the fallback tag. */
export const subjectHeader: FaultMaker<"absent"> = () => async (request, next) =>
  withHeaders(await next(request), { "oci-subject": undefined });

/** A registry that lists no tags: with a status of its own, or as if the repository were not there. */
export const noTagList: FaultMaker<404 | 405 | 501> = (status) => async (request, next) => {
  if (kindOf(request) !== "tags") return next(request);
  const body = Buffer.from("no lists here\n");
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
};
