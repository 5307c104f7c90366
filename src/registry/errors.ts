import { type ErrorCode, MirrorError, type MirrorErrorOptions } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { printable } from "../oci/errors.ts";
import { redactUrl } from "./redact.ts";
import { hintOfResponse } from "./response-hints.ts";
import {
  UNREACHABLE_HINTS,
  UNREACHABLE_HINTS_NAMED,
  UNREACHABLE_REASONS,
  type UnreachableReason,
} from "./unreachable-reasons.ts";

/** One entry of the `errors` array of a registry's answer, stripped of control characters. */
export interface ServerError {
  readonly code: string;
  readonly message: string;
  /** Digests that its detail or message names; missing if there is none. */
  readonly digests?: readonly Digest[];
}

export interface RegistryResponseFields {
  readonly registry: string;
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly serverErrors?: readonly ServerError[] | undefined;
  /** What this client objects to in an answer that is no failure by its status. */
  readonly objection?: string | undefined;
  /** How long the server asks to wait before the next request. */
  readonly retryAfterMs?: number | undefined;
  /** Smallest request body known to be too large for the server: of a 413. */
  readonly refusedBytes?: number | undefined;
  /** The page of a list that it is about, from the second one on: a list that has begun is there. */
  readonly page?: number | undefined;
  /** The answer is not of the registry, or not about what was asked for: a token server, storage it redirects to. */
  readonly isIndirect?: boolean | undefined;
  /** The answer is of a server that the registry has redirected to. */
  readonly isRedirected?: boolean | undefined;
}

/** A registry, or a server it sent us to, answered with a status that ends the operation. */
export class RegistryResponseError extends MirrorError {
  override readonly code: ErrorCode;
  readonly registry: string;
  readonly method: string;
  /** Path of the request without its query. */
  readonly path: string;
  /** The URL of the request; secrets in its query are blanked. */
  readonly url: string;
  readonly status: number;
  readonly serverErrors: readonly ServerError[];
  readonly retryAfterMs: number | undefined;
  readonly refusedBytes: number | undefined;
  /** The page of a list that could not be read, from the second one on. */
  readonly page: number | undefined;
  readonly isIndirect: boolean;
  readonly isRedirected: boolean;

  constructor(fields: RegistryResponseFields, options: MirrorErrorOptions = {}) {
    const { registry, method, url, status, serverErrors = [] } = fields;
    const path = printable(url.pathname);
    const code = codeOf(fields);
    super(messageOf(fields, code), {
      ...options,
      hint: hintOfResponse({ ...fields, code, path }, options.hint),
    });
    this.code = code;
    this.registry = registry;
    this.method = method;
    this.path = path;
    this.url = redactUrl(url);
    this.status = status;
    this.serverErrors = serverErrors;
    this.retryAfterMs = fields.retryAfterMs;
    this.refusedBytes = fields.refusedBytes;
    this.page = fields.page;
    this.isIndirect = fields.isIndirect ?? false;
    this.isRedirected = fields.isRedirected ?? false;
  }
}

/** A registry takes no deletes at all. */
export class DeletesRefusedError extends MirrorError {
  override readonly code = "DELETE_UNSUPPORTED";
  readonly registry: string;

  constructor(registry: string, cause: RegistryResponseError) {
    super(`Registry "${registry}" deletes nothing by its API: it answered ${cause.status}`, {
      hint: "Allow it there (distribution: REGISTRY_STORAGE_DELETE_ENABLED=true), or delete by the means of the registry itself",
      cause,
    });
    this.registry = registry;
  }
}

interface UnreachableFields {
  readonly reason: UnreachableReason;
  readonly detail?: string | undefined;
  readonly namedBy?: string | undefined;
}

/** No usable answer: the registry, or a host it sent us to, was not reached, or the connection did not last. */
export class RegistryUnreachableError extends MirrorError {
  override readonly code = "REGISTRY_UNREACHABLE";
  readonly registry: string;
  readonly reason: UnreachableReason;
  readonly detail: string | undefined;
  /** Who sent us there, in words; undefined: the user. */
  readonly namedBy: string | undefined;

  constructor(
    registry: string,
    { reason, detail, namedBy }: UnreachableFields,
    options: MirrorErrorOptions = {},
  ) {
    const suffix = detail ? ` (${printable(detail)})` : "";
    const sender = namedBy === undefined ? "" : `, where ${printable(namedBy)} leads`;
    super(`Cannot reach "${registry}"${sender}: ${UNREACHABLE_REASONS[reason]}${suffix}`, {
      hint: namedBy === undefined ? UNREACHABLE_HINTS[reason] : UNREACHABLE_HINTS_NAMED[reason],
      ...options,
    });
    this.registry = registry;
    this.reason = reason;
    this.detail = detail;
    this.namedBy = namedBy;
  }
}

interface WaitFields {
  readonly waitedMs: number;
  /** What came last. */
  readonly reason: string;
  readonly hint?: string | undefined;
}

/** A registry that was waited for did not answer in time. */
export class WaitTimedOutError extends MirrorError {
  override readonly code = "WAIT_TIMED_OUT";
  readonly url: string;

  constructor(url: URL, { waitedMs, reason, hint }: WaitFields) {
    const rounded = Math.round(waitedMs / 1000);
    const seconds = rounded === 1 ? "1 second" : `${rounded} seconds`;
    super(`No registry answers at "${redactUrl(url)}" after ${seconds}: ${printable(reason)}`, {
      hint: hint ?? "Check the address, and that the registry has started; then wait for longer",
    });
    this.url = redactUrl(url);
  }
}

function codeOf(fields: RegistryResponseFields): ErrorCode {
  const { status, page, isIndirect = false } = fields;
  if (isLimit(fields)) return "REGISTRY_LIMITED";
  // what has begun to come is there, and may be seen
  if (page !== undefined) return "REGISTRY_REFUSED";
  if (status === 401 || status === 403) return "REGISTRY_DENIED";
  return status === 404 && !isIndirect ? "REGISTRY_NOT_FOUND" : "REGISTRY_REFUSED";
}

/** What front ends say in a 403 that stands for a 429. */
const SAID_OF_LIMITS = /\brate.?limit|too.?many.?requests|\bpull limit\b/i;

/** Some deny what comes too fast (GitHub, Wave, firewalls): a lack of rights does not pass, so nobody names a time for it. */
function isLimit({ status, serverErrors = [], retryAfterMs }: RegistryResponseFields): boolean {
  if (status === 429 || serverErrors.some(({ code }) => /^TOO_?MANY_?REQUESTS$/i.test(code))) {
    return true;
  }
  const isSaid = serverErrors.some(({ message }) => SAID_OF_LIMITS.test(message));
  return status === 403 && (retryAfterMs !== undefined || isSaid);
}

function messageOf(fields: RegistryResponseFields, code: ErrorCode): string {
  const { registry, method, url, status, objection, page, serverErrors = [] } = fields;
  const path = page === undefined ? url.pathname : redactUrl(url).slice(url.origin.length);
  const place = printable(url.host === registry ? path : url.origin + path);
  const exchange = `${method} ${place} answered ${status}${quote(serverErrors)}`;
  if (page !== undefined) {
    const reason = objection === undefined ? "" : `: ${printable(objection)}`;
    return `Cannot read page ${page} of a list of registry "${registry}"${reason} (${exchange})`;
  }
  return objection === undefined
    ? `${sentenceOf(code, fields)}: ${exchange}`
    : `Cannot accept the answer of registry "${registry}": ${printable(objection)} (${exchange})`;
}

function sentenceOf(
  code: ErrorCode,
  { registry, refusedBytes, status, isIndirect = false }: RegistryResponseFields,
): string {
  switch (code) {
    case "REGISTRY_DENIED":
      return `Registry "${registry}" denies access`;
    case "REGISTRY_NOT_FOUND":
      return `Registry "${registry}" does not have it`;
    case "REGISTRY_LIMITED":
      return `Registry "${registry}" limits the rate of requests`;
    default:
      if (status === 404 && isIndirect) {
        return `Registry "${registry}" relies on a server that does not know what it is asked for`;
      }
      return refusedBytes === undefined
        ? `Registry "${registry}" refuses the request`
        : `Registry "${registry}", or what is in front of it, takes no request body of ${refusedBytes} bytes`;
  }
}

function quote(serverErrors: readonly ServerError[]): string {
  const texts = serverErrors.slice(0, 3).map(({ code, message }) => {
    return [code, message && `"${message}"`].filter(Boolean).join(" ");
  });
  return texts.length > 0 ? ` (${texts.join("; ").slice(0, 500)})` : "";
}
