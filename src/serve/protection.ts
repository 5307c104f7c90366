import { createSecureContext } from "node:tls";
import { OptionInvalidError } from "../errors.ts";
import { readFile } from "../io/read-file.ts";
import type { AccessRules } from "../server/access.ts";
import { parseAddressList } from "../server/address-list.ts";
import { parseHtpasswd } from "../server/htpasswd.ts";
import type { TlsIdentity } from "../server/listen.ts";
import { type OwnAuthority, openSelfSigned, type SelfSigned } from "../server/self-signed.ts";

export interface ProtectionOptions {
  /** Certificate and its chain, PEM; with `tlsKeyFile` it makes the server HTTPS. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Makes an authority and a certificate of it, keeps both in the directory, and renews them. */
  readonly tlsDirectory?: string | undefined;
  /** Names and addresses for that certificate besides those of this machine. */
  readonly tlsNames?: readonly string[] | undefined;
  /** Clients have to show a certificate of this authority. */
  readonly clientCaFile?: string | undefined;
  /** Logins as `htpasswd -B` writes them. */
  readonly htpasswdFile?: string | undefined;
  /** Addresses and ranges that may connect; default all. */
  readonly allow?: readonly string[] | undefined;
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Host` count. */
  readonly trustProxy?: readonly string[] | undefined;
  /** Time of the day in milliseconds; default that of the machine. */
  readonly now?: (() => number) | undefined;
}

/** What the files and lists say at this moment. */
export interface Protection {
  readonly tls: TlsIdentity | undefined;
  /** Of a certificate that was made here. */
  readonly authority?: OwnAuthority | undefined;
  readonly rules: AccessRules;
}

/** Reads everything, so that nothing listens before all of it is understood. */
export async function readProtection(options: ProtectionOptions): Promise<Protection> {
  const { allow, htpasswdFile, trustProxy } = options;
  return {
    ...(await readTls(options)),
    rules: {
      allow: allow && allow.length > 0 ? parseAddressList(allow, "allow") : undefined,
      trustedProxies: trustProxy && parseAddressList(trustProxy, "trustProxy"),
      logins:
        htpasswdFile === undefined
          ? undefined
          : parseHtpasswd(await readFile(htpasswdFile, "utf8"), "htpasswdFile"),
    },
  };
}

async function readTls(options: ProtectionOptions): Promise<Pick<Protection, "authority" | "tls">> {
  const own = await readOwnTls(options);
  const tls = own?.identity ?? (await readTlsFiles(options));
  if (options.clientCaFile === undefined) return { tls, authority: own?.authority };
  if (tls === undefined) {
    throw new OptionInvalidError("clientCaFile", "clients show certificates only over TLS");
  }
  const identity = { ...tls, ca: await readFile(options.clientCaFile) };
  checkIdentity(identity, "clientCaFile", "no certificate of PEM is in this file");
  return { tls: identity, authority: own?.authority };
}

async function readOwnTls(options: ProtectionOptions): Promise<SelfSigned | undefined> {
  const { now = Date.now, tlsCertFile, tlsDirectory, tlsKeyFile, tlsNames = [] } = options;
  if (tlsDirectory === undefined) {
    if (tlsNames.length === 0) return undefined;
    throw new OptionInvalidError("tlsNames", "they are for a certificate that is made here");
  }
  if ((tlsCertFile ?? tlsKeyFile) !== undefined) {
    throw new OptionInvalidError(
      "tlsDirectory",
      "there is a certificate already: name one of them",
    );
  }
  return await openSelfSigned({ directory: tlsDirectory, names: tlsNames, now });
}

async function readTlsFiles(options: ProtectionOptions): Promise<TlsIdentity | undefined> {
  const { tlsCertFile, tlsKeyFile } = options;
  if (tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  if (tlsCertFile === undefined || tlsKeyFile === undefined) {
    const missing = tlsKeyFile === undefined ? "tlsKeyFile" : "tlsCertFile";
    throw new OptionInvalidError(missing, "a certificate and its key belong together");
  }
  const identity = { cert: await readFile(tlsCertFile), key: await readFile(tlsKeyFile) };
  const reason = "no certificate and key of PEM that belong together are in these files";
  checkIdentity(identity, "tlsCertFile", reason);
  return identity;
}

function checkIdentity(identity: TlsIdentity, name: string, reason: string): void {
  try {
    createSecureContext(identity);
  } catch (error) {
    throw new OptionInvalidError(name, reason, { cause: error });
  }
}
