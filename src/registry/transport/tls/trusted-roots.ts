import { readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { rootCertificates } from "node:tls";
import { readFile } from "../../../io/read-file.ts";
import { certificatesIn } from "./read-pem.ts";
import type { TlsOptions, Warn } from "./tls-options.ts";

/**
 * The certificates that vouch for every host. `SSL_CERT_FILE` and `SSL_CERT_DIR` stand in place of the built-in ones,
 * as in Go; `NODE_EXTRA_CA_CERTS` and the `named` ones are added.
 */
export async function readTrustedRoots(
  { env = process.env }: TlsOptions,
  named: readonly string[],
  warn: Warn,
): Promise<readonly string[]> {
  const { SSL_CERT_FILE: file, SSL_CERT_DIR: directories } = env;
  const base =
    file || directories
      ? [
          ...(file ? await readOptional(file, "SSL_CERT_FILE", warn) : []),
          ...(directories ? await readDirectories(directories, warn) : []),
        ]
      : rootCertificates;
  const extra = env["NODE_EXTRA_CA_CERTS"];
  const extras = extra ? await readOptional(extra, "NODE_EXTRA_CA_CERTS", warn) : [];
  return [...base, ...extras, ...named];
}

async function readOptional(
  path: string,
  variable: string,
  warn: Warn,
): Promise<readonly string[]> {
  const pem = await readFile(path, "utf8").catch(() => undefined);
  const { certificates } = certificatesIn(pem ?? "");
  if (certificates.length > 0) return certificates;
  const reason = pem === undefined ? "cannot be read" : "contains no certificate";
  warn("CERTIFICATES_UNUSABLE", `${variable} is not used: "${path}" ${reason}`);
  return [];
}

async function readDirectories(list: string, warn: Warn): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of list.split(delimiter).filter(Boolean)) {
    const names = await readdir(directory).catch(() => undefined);
    if (!names) warn("CERTIFICATES_UNUSABLE", `SSL_CERT_DIR: "${directory}" cannot be read`);
    for (const name of names ?? []) {
      // directories of OpenSSL hold each certificate a second time, as a link named by its hash
      if (/^[0-9a-f]{8}\.\d+$/.test(name) && names?.some((other) => /\.(?:pem|crt)$/.test(other))) {
        continue;
      }
      const pem = await readFile(join(directory, name), "utf8").catch(() => "");
      found.push(...certificatesIn(pem).certificates);
    }
  }
  return found;
}
