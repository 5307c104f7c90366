import { option } from "../../../option.ts";
import { RegistryUnreachableError } from "../../errors.ts";
import type { ShownCertificate } from "./certificate-chain.ts";

export interface CertificateFailure {
  readonly host: string;
  /** Code of node:tls: `CERT_HAS_EXPIRED`. */
  readonly code: string;
  readonly chain: readonly ShownCertificate[];
  readonly cause: Error;
}

/** Says which certificate is not trusted, why, and what to do about it. */
export function createCertificateError(failure: CertificateFailure): RegistryUnreachableError {
  const { host, code, chain, cause } = failure;
  const { certificate, why, remedy } = explain(failure);
  const shown =
    certificate === undefined
      ? "its certificate"
      : `certificate "${certificate.subject}" issued by "${certificate.issuer}"`;
  const number =
    chain.length > 1 && certificate
      ? `, ${chain.indexOf(certificate) + 1}. of ${chain.length}`
      : "";
  return new RegistryUnreachableError(
    host,
    { reason: "certificate", detail: `${code}: ${shown}${number} ${why}` },
    {
      cause,
      hint: `${remedy}, or accept any certificate of this host with ${option("tlsSkipVerifyHosts")} (of all hosts: ${option("tlsSkipVerify")})`,
    },
  );
}

interface Explanation {
  readonly certificate: ShownCertificate | undefined;
  readonly why: string;
  readonly remedy: string;
}

function explain({ host, code, chain }: CertificateFailure): Explanation {
  const [own] = chain;
  const last = chain.at(-1);
  switch (code) {
    case "CERT_HAS_EXPIRED": {
      const certificate = chain.find(({ validTo }) => Date.parse(validTo) < Date.now()) ?? own;
      const why = `expired on ${certificate?.validTo ?? "an unknown day"}`;
      const remedy = `Renew the certificate of "${host}" and check the clock of this machine; if it is replaced by a private one, name its issuer with ${option("caFiles")}`;
      return { certificate, why, remedy };
    }
    case "CERT_NOT_YET_VALID": {
      const certificate = chain.find(({ validFrom }) => Date.parse(validFrom) > Date.now()) ?? own;
      const why = `is valid only from ${certificate?.validFrom ?? "a later day"}`;
      return { certificate, why, remedy: "Check the clock of this machine" };
    }
    case "ERR_TLS_CERT_ALTNAME_INVALID": {
      const why = `is for ${own?.names || "no host at all"}, not for "${host}"`;
      const remedy = `Use a name that the certificate has, or give "${host}" a certificate with its name`;
      return { certificate: own, why, remedy };
    }
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
      return {
        certificate: own,
        why: "vouches only for itself",
        remedy: trust(host, own?.subject),
      };
    case "SELF_SIGNED_CERT_IN_CHAIN":
      return {
        certificate: last,
        why: "is a root not known here",
        remedy: trust(host, last?.subject),
      };
    default:
      return {
        certificate: last,
        why: code.startsWith("UNABLE_TO_")
          ? "comes from an issuer not known here"
          : "is not accepted",
        remedy: trust(host, last?.issuer),
      };
  }
}

function trust(host: string, name = "the issuer"): string {
  return `Name the certificate "${name}" with ${option("caFiles")}, or store it as certs.d/${host}/ca.crt`;
}
