import { X509Certificate } from "node:crypto";
import { OptionInvalidError } from "../../../errors.ts";
import { reasonOf } from "../../../io/errors.ts";
import { readNamedText } from "../../../io/read-file.ts";

/** A PEM file that the user named: without it nothing should be tried. */
export async function readNamedPem(path: string, option: string): Promise<string> {
  try {
    return await readNamedText(path);
  } catch (cause) {
    throw new OptionInvalidError(option, `"${path}" cannot be read (${reasonOf(cause)})`, {
      cause,
    });
  }
}

/** A PEM file of certificates that the user named: each of them has to be readable. */
export async function readNamedCertificates(path: string, option: string): Promise<string> {
  const { certificates, broken } = certificatesIn(await readNamedPem(path, option));
  if (broken > 0) {
    throw new OptionInvalidError(option, `"${path}" has a certificate that cannot be read`, {
      hint: "Copy it again with its line ends, from BEGIN CERTIFICATE to END CERTIFICATE",
    });
  }
  if (certificates.length > 0) return certificates.join("\n");
  throw new OptionInvalidError(option, `"${path}" contains no certificate`, {
    hint: "Give the certificate as PEM, a text with BEGIN CERTIFICATE; of one in bytes: openssl x509 -inform DER -in FILE -out ca.pem",
  });
}

/**
 * The certificates of a text, whatever stands between them, and how many are broken. OpenSSL reads a text up to the first
 * broken one, and says nothing of those behind it.
 */
export function certificatesIn(pem: string): {
  readonly certificates: readonly string[];
  readonly broken: number;
} {
  const begun = pem.split("-----BEGIN CERTIFICATE-----").length - 1;
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  const certificates = blocks.filter(isReadable);
  return { certificates, broken: begun - certificates.length };
}

function isReadable(pem: string): boolean {
  try {
    return new X509Certificate(pem) !== undefined;
  } catch {
    return false;
  }
}
