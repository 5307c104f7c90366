import { type ErrorCode, MirrorError, type MirrorErrorOptions } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { printable } from "../oci/errors.ts";
import { option } from "../option.ts";
import { redactUrl } from "./redact.ts";

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

  constructor(fields: RegistryResponseFields, options: MirrorErrorOptions = {}) {
    const { registry, method, url, status, serverErrors = [] } = fields;
    const path = printable(url.pathname);
    const code = codeOf(fields);
    const isStart = method === "POST" && status === 404 && /\/blobs\/uploads\/$/.test(path);
    const isUnlisted = code === "REGISTRY_NOT_FOUND" && path.endsWith("/tags/list");
    const known = isUnlisted ? LIST_ABSENT : STATUS_HINTS[status];
    const hint = isStart ? CREATE_FIRST : (known ?? HINTS[code]);
    // What the server says is nearer than what its status may mean
    const said = hintOfAnswer(fields);
    const remedy = said ?? options.hint ?? hint;
    const isTooDeep = code === "REGISTRY_DENIED" && said === undefined && isDeepWrite(fields);
    super(messageOf(fields, code), {
      ...options,
      hint: isTooDeep ? [remedy, TOO_DEEP].filter(Boolean).join(". ") : remedy,
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

/** Why no usable answer came: decides the hint and whether another attempt can help. */
export type UnreachableReason =
  | "dns"
  | "refused"
  | "network"
  | "certificate"
  | "client-certificate"
  | "proxy"
  | "proxy-denied"
  | "plain-http"
  | "tls"
  | "timeout"
  | "reset"
  | "protocol"
  | "headers"
  | "inward";

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
    super(`Cannot reach "${registry}"${sender}: ${REASONS[reason]}${suffix}`, {
      hint: namedBy === undefined ? UNREACHABLE_HINTS[reason] : NAMED_HINTS[reason],
      ...options,
    });
    this.registry = registry;
    this.reason = reason;
    this.detail = detail;
    this.namedBy = namedBy;
  }
}

/** A registry that was waited for did not answer in time. */
export class WaitTimedOutError extends MirrorError {
  override readonly code = "WAIT_TIMED_OUT";
  readonly url: string;

  constructor(
    url: URL,
    { waitedMs, reason }: { readonly waitedMs: number; readonly reason: string },
  ) {
    const seconds = Math.round(waitedMs / 1000);
    super(
      `No registry answers at "${redactUrl(url)}" after ${seconds} seconds: ${printable(reason)}`,
      {
        hint: "Check the address, and that the registry has started; then wait for longer",
      },
    );
    this.url = redactUrl(url);
  }
}

function codeOf(fields: RegistryResponseFields): ErrorCode {
  const { status, serverErrors = [], page, isIndirect = false } = fields;
  if (status === 429 || serverErrors.some(({ code }) => code === "TOOMANYREQUESTS")) {
    return "REGISTRY_LIMITED";
  }
  // what has begun to come is there, and may be seen
  if (page !== undefined) return "REGISTRY_REFUSED";
  if (status === 401 || status === 403) return "REGISTRY_DENIED";
  return status === 404 && !isIndirect ? "REGISTRY_NOT_FOUND" : "REGISTRY_REFUSED";
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

const HINTS: Partial<Record<ErrorCode, string>> = {
  REGISTRY_NOT_FOUND: "Check the repository, tag or digest; some registries hide what they deny",
  REGISTRY_LIMITED: `Wait, log in for a higher limit, or lower the rate with ${option("requestsPerSecond")}`,
};

/** GitLab's dependency proxy, for one, has no lists, and says so of any. */
const LIST_ABSENT =
  "Check the repository; some registries hide what they deny, and some proxies that only pass images on list no tags: there tags can only be asked for by name";

/** Amazon ECR, for one, makes no repository for a push. */
const CREATE_FIRST =
  "Create the repository at the registry first, or have it created at the first push";

/** Refusals that registries word differently and answer with 400, 403, 405, 409 or 412: none is about a login. */
const ANSWER_HINTS: readonly (readonly [pattern: RegExp, hint: string])[] = [
  [
    /immutab|overwrit|already exists|write.?once|\bworm\b|retention|tag is (?:locked|protected)|protected tag/i,
    "The tag exists there and may not be changed: delete it or lift the rule for it in the registry, then run the same command again",
  ],
  [
    /quota|storage (?:limit|is full)|limit of storage|out of (?:storage|space)|no space|insufficient.storage|exceed\w* (?:\w+ ){0,3}storage|storage resource\b.*\bexceed/i,
    "The registry has no room left for it: raise the quota or delete what is not needed there, then run the same command again",
  ],
  [
    /'\S+\/\S+' is not one of|media.?type\b.{0,80}\bnot (?:allowed|permitted|supported)|(?:unsupported|unknown|invalid) media.?type|artifact.?type\b.{0,80}\bnot (?:allowed|permitted|supported)/i,
    "The registry does not take this type of artifact: allow it there (Quay: FEATURE_GENERAL_OCI_SUPPORT, or IGNORE_UNKNOWN_MEDIATYPES), or push a bundle without it",
  ],
];

/** Statuses that say by themselves what is wrong, in whatever words. */
const CLEAR_STATUSES: ReadonlySet<number> = new Set([413, 429, 507]);

function hintOfAnswer({
  method,
  status,
  serverErrors = [],
}: RegistryResponseFields): string | undefined {
  if (!isWrite(method) || CLEAR_STATUSES.has(status)) return undefined;
  const texts = serverErrors.map(({ code, message }) => `${code} ${message}`).join("\n");
  return ANSWER_HINTS.find(([pattern]) => pattern.test(texts))?.[1];
}

/** Levels of a repository path that every registry takes. */
const COMMON_LEVELS = 3;
const TOO_DEEP =
  "Some registries (GitLab) refuse with the same answer a path that has more levels than they take: push to a shorter one";

function isDeepWrite({ method, url }: RegistryResponseFields): boolean {
  const [, repository = ""] = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(url.pathname) ?? [];
  return isWrite(method) && repository.split("/").length > COMMON_LEVELS;
}

function isWrite(method: string): boolean {
  return /^P(?:UT|OST|ATCH)$/.test(method);
}

const STATUS_HINTS: Readonly<Record<number, string>> = {
  413: "Raise the limit on request bodies in front of the registry to 64 MiB or more (nginx: client_max_body_size 64m; 0 is no limit)",
  507: "Free space on the storage of the registry",
};

const REASONS: Readonly<Record<UnreachableReason, string>> = {
  dns: "the host name cannot be resolved",
  refused: "the connection is refused",
  network: "there is no route to the host",
  certificate: "its TLS certificate is not trusted",
  "client-certificate": "it does not accept our client certificate, or wants one",
  proxy: "the proxy on the way does not get through",
  "proxy-denied": "the proxy on the way does not let us through",
  "plain-http": "it speaks plain HTTP where HTTPS is expected",
  tls: "the TLS handshake failed",
  timeout: "it does not answer in time",
  reset: "the connection was closed before the answer was complete",
  protocol: "its answer is not HTTP",
  headers: "the headers of its answer are longer than 16 KiB",
  inward: "it is in an inner network, where a server must not send us",
};

const UNREACHABLE_HINTS: Readonly<Record<UnreachableReason, string>> = {
  dns: "Check the spelling of the host and the DNS of this machine",
  refused: "Check the port and that the registry is running",
  network: "Check the network, routes and proxy of this machine",
  certificate: `Name the issuing certificate with ${option("caFiles")}, or the host with ${option("tlsSkipVerifyHosts")}: then any certificate of it is accepted (${option("tlsSkipVerify")}: of every host)`,
  "client-certificate": `Give a certificate that the registry accepts with ${option("certFile")} and ${option("keyFile")}, or in certs.d`,
  proxy: "Check HTTPS_PROXY and HTTP_PROXY; NO_PROXY names the hosts that are reached without it",
  "proxy-denied":
    "Give the user of the proxy as in HTTPS_PROXY=http://user:password@host:port, or name the host in NO_PROXY",
  "plain-http": `Name the host with ${option("insecureHosts")} to allow plain HTTP (${option("insecure")}: for every host)`,
  tls: `Check the port, and name the host with ${option("insecureHosts")} if the registry has no TLS`,
  timeout: "Check firewalls and proxies between this machine and the registry",
  reset: "Run the command again: it goes on where it stopped",
  protocol: "Check that the port belongs to a registry",
  headers:
    "Look at what adds headers to its answers: cookies, a proxy, a very long Location or Link",
  inward: "Name the host itself if it is to be used",
};

const WRONG_ADDRESS =
  "Set the address by which clients reach the registry in its configuration, or in that of the proxy in front of it";

/** The same where a server gave the address: what the user names does not change it. */
const NAMED_HINTS: Readonly<Record<UnreachableReason, string>> = {
  ...UNREACHABLE_HINTS,
  dns: `${WRONG_ADDRESS}; or let the DNS of this machine know the host`,
  refused: WRONG_ADDRESS,
  network: WRONG_ADDRESS,
  "plain-http": `${WRONG_ADDRESS}: it gives out an address with https (X-Forwarded-Proto)`,
  tls: `${WRONG_ADDRESS}: it gives out an address with https (X-Forwarded-Proto)`,
  inward: WRONG_ADDRESS,
};
