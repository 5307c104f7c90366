import { describe, expect, test } from "vitest";
import { RegistryUnreachableError } from "../../../../src/registry/errors.ts";
import { toUnreachableError } from "../../../../src/registry/transport/connect/network-failure.ts";

describe("toUnreachableError()", () => {
  // OpenSSL 3.0, as in Node.js 20, and 3.5, as in Node.js 26, spell the alerts in different ways
  test.each([
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE", "client-certificate"],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "client-certificate"],
    ["ERR_SSL_TLS_ALERT_CERTIFICATE_UNKNOWN", "client-certificate"],
    ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "client-certificate"],
    ["ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE", "tls"],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "plain-http"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "certificate"],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "certificate"],
  ])("%s: %s", (code, reason) => {
    const error = toUnreachableError(Object.assign(new Error(code), { code }), "registry.local");
    expect(error).toBeInstanceOf(RegistryUnreachableError);
    expect((error as RegistryUnreachableError).reason).toBe(reason);
  });
});
