import { createSecureContext } from "node:tls";
import { OptionInvalidError } from "../../errors.ts";
import { reasonOf } from "../../io/errors.ts";
import { readNamedText } from "../../io/read-file.ts";

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

/** A PEM file of certificates that the user named. */
export async function readNamedCertificates(path: string, option: string): Promise<string> {
  const pem = await readNamedPem(path, option);
  if (isCertificates(pem)) return pem;
  throw new OptionInvalidError(option, `"${path}" contains no certificate`, {
    hint: "Give the certificate as PEM: a text with BEGIN CERTIFICATE",
  });
}

/** Whether a text has at least one certificate and no broken one. */
export function isCertificates(pem: string): boolean {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) return false;
  try {
    createSecureContext({ ca: pem });
    return true;
  } catch {
    return false;
  }
}
