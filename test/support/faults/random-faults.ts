import type { RegistryMiddleware, RegistryRequest } from "../../../src/server/message.ts";
import { drop, range } from "./download-faults.ts";
import { type FaultContext, type FaultMaker, kindOf } from "./fault.ts";
import { refuseConnection, tooManyRequests, unavailable } from "./limit-faults.ts";
import { commitReset, dropUpload, patchStatus, sessionLost } from "./upload-faults.ts";

/** Every fault that can hit a single request. */
export const RANDOM_FAULTS = [
  "too-many-requests",
  "wait-seconds",
  "wait-until",
  "unavailable",
  "refused-connection",
  "answer-stalls",
  "download-ends",
  "download-reset",
  "download-stalls",
  "range-ignored",
  "range-from-zero",
  "upload-reset",
  "upload-stalls",
  "session-lost",
  "part-created",
  "commit-reset",
] as const;

export type RandomFault = (typeof RANDOM_FAULTS)[number];

export interface RandomOptions {
  /** Share of requests that fail: 0.05. */
  readonly rate: number;
  readonly seed: number;
  /** Default: all but the ones that stall, which take a client's whole patience. */
  readonly faults?: readonly RandomFault[];
}

/** One fault that fits the request, on some requests; the seed decides which, in the order of arrival. */
export const random: FaultMaker<RandomOptions> = (options, context) => {
  const { faults = WITHOUT_STALLS, rate, seed } = options;
  const draw = createGenerator(seed);
  return async (request, next) => {
    const [isFaulty, choice, size] = [draw() < rate, draw(), draw()];
    const fitting = faults.filter((fault) => fits(fault, request));
    const fault = fitting[Math.floor(choice * fitting.length)];
    if (!isFaulty || fault === undefined) return next(request);
    return createFault(fault, Math.floor(size * LARGEST_CUT_BYTES), context)(request, next);
  };
};

const WITHOUT_STALLS = RANDOM_FAULTS.filter((fault) => !fault.endsWith("-stalls"));

/** Connections break somewhere in the first bytes, so that also small blobs are hit. */
const LARGEST_CUT_BYTES = 256 * 1024;

function fits(fault: RandomFault, request: RegistryRequest): boolean {
  const kind = kindOf(request);
  switch (fault) {
    case "too-many-requests":
    case "wait-seconds":
    case "wait-until":
    case "unavailable":
    case "refused-connection":
    case "answer-stalls":
      return true;
    case "download-ends":
    case "download-reset":
    case "download-stalls":
      return kind === "blob" && request.method === "GET";
    case "range-ignored":
    case "range-from-zero":
      return kind === "blob" && request.headers.range !== undefined;
    case "upload-reset":
    case "upload-stalls":
      return kind === "upload" && request.headers["content-length"] !== "0";
    case "session-lost":
      return kind === "upload";
    case "part-created":
      return kind === "upload" && request.method === "PATCH";
    case "commit-reset":
      return kind === "upload" && request.method === "PUT";
  }
}

function createFault(
  fault: RandomFault,
  afterBytes: number,
  context: FaultContext,
): RegistryMiddleware {
  const once = { times: 1 };
  switch (fault) {
    case "too-many-requests":
      return tooManyRequests(once, context);
    case "wait-seconds":
      return tooManyRequests({ ...once, retryAfter: { seconds: 5 } }, context);
    case "wait-until":
      return tooManyRequests({ ...once, retryAfter: { seconds: 5, as: "date" } }, context);
    case "unavailable":
      return unavailable(once, context);
    case "refused-connection":
      return refuseConnection({ ...once, how: "reset" }, context);
    case "answer-stalls":
      return refuseConnection({ ...once, how: "stall" }, context);
    case "download-ends":
      return drop({ ...once, afterBytes, how: "eof" }, context);
    case "download-reset":
      return drop({ ...once, afterBytes, how: "reset" }, context);
    case "download-stalls":
      return drop({ ...once, afterBytes, how: "stall" }, context);
    case "range-ignored":
      return range("ignored", context);
    case "range-from-zero":
      return range("from-zero", context);
    case "upload-reset":
      return dropUpload({ ...once, afterBytes, how: "reset" }, context);
    case "upload-stalls":
      return dropUpload({ ...once, afterBytes, how: "stall" }, context);
    case "session-lost":
      return sessionLost({ after: 1 }, context);
    case "part-created":
      return patchStatus(201, context);
    case "commit-reset":
      return commitReset(once, context);
  }
}

/** A linear congruential generator (Numerical Recipes' constants): numbers in [0, 1) that the seed decides. */
function createGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
