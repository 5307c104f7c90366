import { MirrorError } from "../../../errors.ts";
import { RegistryUnreachableError } from "../../errors.ts";
import type { UnreachableReason } from "../../unreachable-reasons.ts";

/** Turns what a socket, TLS or undici threw into `REGISTRY_UNREACHABLE`; anything else is passed on as it is. */
export function toUnreachableError(error: unknown, registry: string, namedBy?: string): unknown {
  if (error instanceof MirrorError) return error;
  const failure = deepestFailure(error);
  const reason = failure && reasonOf(failure);
  if (!failure || !reason) return error;
  const isTelling = reason === "certificate" || reason === "inward";
  const detail = [failure.code, isTelling ? failure.message : ""].filter(Boolean).join(": ");
  return new RegistryUnreachableError(registry, { reason, detail, namedBy }, { cause: error });
}

interface Failure {
  readonly code: string;
  readonly message: string;
}

/** The innermost error with a known code: undici wraps some, and several addresses give an AggregateError. */
function deepestFailure(error: unknown): Failure | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; depth += 1) {
    // undici leaves the code away for some things that are not HTTP
    const { code = current.name === "HTTPParserError" ? "HPE_UNKNOWN" : undefined } =
      current as NodeJS.ErrnoException;
    if (typeof code === "string" && reasonOf({ code, message: current.message })) {
      return { code, message: current.message };
    }
    current = current.cause ?? (current as Partial<AggregateError>).errors?.[0];
  }
  return undefined;
}

const REASONS: Readonly<Record<string, UnreachableReason>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_NODATA: "dns",
  EAI_FAIL: "dns",
  ECONNREFUSED: "refused",
  ENETUNREACH: "network",
  EHOSTUNREACH: "network",
  ENETDOWN: "network",
  EHOSTDOWN: "network",
  EADDRNOTAVAIL: "network",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  STALLED: "timeout",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  UND_ERR_CLOSED: "reset",
  BODY_SHORT: "reset",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  ERR_SSL_WRONG_VERSION_NUMBER: "plain-http",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "plain-http",
  EPROTO: "tls",
  HPE_HEADER_OVERFLOW: "headers",
  UND_ERR_HEADERS_OVERFLOW: "headers",
  INWARD_ADDRESS: "inward",
};

const CERTIFICATE_CODE =
  /^(?:CERT_|ERR_TLS_CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_CA|CRL_|ERROR_IN_CERT)/;

/** Alerts of a server that wants another certificate of us than it got: `SSLV3_ALERT_…`, from OpenSSL 3.4 on `SSL/TLS_ALERT_…`. */
const CLIENT_CERTIFICATE_CODE =
  /^ERR_SSL_[\w/]*ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|CERTIFICATE_(?:REVOKED|EXPIRED|UNKNOWN))$/;

/** Whether node:tls says by this code that it does not trust the certificate of a server. */
export function isCertificateCode(code: string): boolean {
  return CERTIFICATE_CODE.test(code);
}

/** Whether a server says by this code that it does not like our certificate. */
export function isClientCertificateCode(code: string): boolean {
  return CLIENT_CERTIFICATE_CODE.test(code);
}

function reasonOf({ code, message }: Failure): UnreachableReason | undefined {
  if (code === "EPROTO" && /wrong version number|packet length too long/i.test(message)) {
    return "plain-http";
  }
  if (Object.hasOwn(REASONS, code)) return REASONS[code];
  if (isCertificateCode(code)) return "certificate";
  if (isClientCertificateCode(code)) return "client-certificate";
  if (code.startsWith("HPE_")) return "protocol";
  return code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_") ? "tls" : undefined;
}
