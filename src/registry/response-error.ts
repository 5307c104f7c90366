import { type Digest, isDigest } from "../oci/digest.ts";
import { printable } from "../oci/errors.ts";
import { RegistryResponseError, type ServerError } from "./errors.ts";
import { readBody } from "./transport/body.ts";
import { retryAfterMsOf } from "./transport/headers.ts";
import type { HttpRequest, HttpResponse } from "./transport/http.ts";

export interface ResponseErrorOptions {
  readonly registry: string;
  readonly hint?: string | undefined;
  /** The page of a list that was asked for, from the second one on. */
  readonly page?: number | undefined;
  /** The answer is not about what the caller asked the registry for. */
  readonly isIndirect?: boolean | undefined;
  /** The answer is of a server that the registry has redirected to. */
  readonly isRedirected?: boolean | undefined;
  /** Takes secrets out of what the server says. */
  readonly redact: Redact;
}

type Redact = (text: string) => string;

const ERROR_BODY_LIMIT_BYTES = 64 * 1024;
/** distribution 2.8 announces the blob's size on a 416 and sends 33 bytes: the status has to be enough. */
const ERROR_BODY_PATIENCE_MS = 2_000;
const TEXT_LIMIT = 300;

/** Reads what the server says about a failure and makes the error of it; the connection is freed. */
export async function readResponseError(
  { method, body }: HttpRequest,
  response: HttpResponse,
  { registry, hint, redact, ...about }: ResponseErrorOptions,
): Promise<RegistryResponseError> {
  const { url, status, headers } = response;
  const serverErrors = await readServerErrors(method, response, redact);
  const retryAfterMs = retryAfterMsOf(headers);
  const refusedBytes = status === 413 ? sizeOf(body) : undefined;
  const remedy = hint ?? proxyHintOf(response);
  return new RegistryResponseError(
    { ...about, registry, method, url, status, serverErrors, retryAfterMs, refusedBytes },
    remedy === undefined ? {} : { hint: remedy },
  );
}

function sizeOf(body: HttpRequest["body"]): number | undefined {
  return Buffer.isBuffer(body) ? body.length : body?.size;
}

/** Answers that proxies make themselves. */
const PROXY_STATUSES: ReadonlySet<number> = new Set([400, 403, 500, 502, 503, 504]);

function proxyHintOf({ proxy, status }: HttpResponse): string | undefined {
  if (proxy === undefined || !PROXY_STATUSES.has(status)) return undefined;
  return `The answer came through the proxy "${proxy}" and may be its own: check HTTP_PROXY and NO_PROXY`;
}

async function readServerErrors(
  method: string,
  response: HttpResponse,
  redact: Redact,
): Promise<readonly ServerError[]> {
  if (method === "HEAD" || response.status === 416) {
    response.body.on("error", () => undefined).destroy();
    return [];
  }
  try {
    const limits = { limitBytes: ERROR_BODY_LIMIT_BYTES, partialAfterMs: ERROR_BODY_PATIENCE_MS };
    const bytes = await readBody(response, limits);
    return bytes ? parseServerErrors(bytes.toString("utf8"), redact) : [];
  } catch {
    // the status is the answer, even if the connection broke while its text came
    return [];
  }
}

/**
 * The `errors` array of the specification, what token servers and storage say in its place, a short plain text as it is, or the
 * title of a page for people; never HTML.
 */
export function parseServerErrors(
  text: string,
  redact: Redact = (said) => said,
): readonly ServerError[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    const plain = printable(redact(text)).trim();
    if (plain.startsWith("<")) return parseMarkup(text, redact);
    // Content that came with a status of its own is nothing to read
    const isText = plain !== "" && !text.includes("\uFFFD");
    return isText ? [{ code: "", message: shorten(plain) }] : [];
  }
  const errors = (document as { errors?: unknown } | null)?.errors;
  if (!Array.isArray(errors)) return parseOtherError(document, redact);
  return errors.slice(0, 10).map((entry: unknown) => {
    const { code, message, detail } = (entry ?? {}) as Record<string, unknown>;
    const digests = digestsIn(JSON.stringify([detail, message]));
    return {
      code: textOf(code, redact),
      message: textOf(saying(message, detail), redact),
      ...(digests.length > 0 ? { digests } : {}),
    };
  });
}

/**
 * What stores of S3 and Azure answer, and the title of a page: proxies say there what is wrong ("400 No required SSL
 * certificate was sent").
 */
function parseMarkup(text: string, redact: Redact): readonly ServerError[] {
  const field = (name: string) => new RegExp(`<${name}>([^<]{1,2000})</${name}>`).exec(text)?.[1];
  const isOfStore = /<Error[\s>]/.test(text);
  if (isOfStore) return toErrors({ code: field("Code"), message: field("Message") }, redact);
  return toErrors({ message: field("title")?.trim() }, redact);
}

/** `error` with `error_description` (OAuth), with an object (Google), or `message` or `details` alone (Docker Hub, GitLab). */
function parseOtherError(document: unknown, redact: Redact): readonly ServerError[] {
  const fields = (document ?? {}) as Record<string, unknown>;
  const { error, error_description: description, message, details } = fields;
  if (typeof error === "object") return toErrors({ ...error, code: undefined }, redact);
  const said = [description, message, details].find((one) => typeof one === "string");
  return toErrors(said === undefined ? { message: error } : { code: error, message: said }, redact);
}

function toErrors(
  { code, message }: { readonly code?: unknown; readonly message?: unknown },
  redact: Redact,
): readonly ServerError[] {
  const found = { code: textOf(code, redact), message: textOf(message, redact) };
  return found.code === "" && found.message === "" ? [] : [found];
}

/** Some tell only in the detail what they object to (Quay: `manifest invalid`, and there the type that it does not take). */
function saying(message: unknown, detail: unknown): unknown {
  const { message: reason } = (detail ?? {}) as Record<string, unknown>;
  if (typeof reason !== "string" || reason === "" || reason === message) return message;
  return typeof message === "string" && message !== "" ? `${message}: ${reason}` : reason;
}

/** Registries name what they miss as text, as a descriptor or in a sentence. */
function digestsIn(text: string): readonly Digest[] {
  const found = text.match(/\b[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,128}\b/g) ?? [];
  return [...new Set(found.filter(isDigest))];
}

/** Secrets first: the rest of one that is cut would not be known. */
function textOf(value: unknown, redact: Redact): string {
  return typeof value === "string" ? shorten(printable(redact(value))) : "";
}

function shorten(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text;
}
