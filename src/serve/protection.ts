import { createSecureContext } from "node:tls";
import { OptionInvalidError } from "../errors.ts";
import { readFile } from "../io/read-file.ts";
import type { AccessRules } from "../server/access.ts";
import { parseAddressList } from "../server/address-list.ts";
import { parseHtpasswd } from "../server/htpasswd.ts";
import type { TlsIdentity } from "../server/listen.ts";

export interface ProtectionOptions {
  /** Certificate and its chain, PEM; with `tlsKeyFile` it makes the server HTTPS. */
  readonly tlsCertFile?: string | undefined;
  readonly tlsKeyFile?: string | undefined;
  /** Clients have to show a certificate of this authority. */
  readonly clientCaFile?: string | undefined;
  /** Logins as `htpasswd -B` writes them. */
  readonly htpasswdFile?: string | undefined;
  /** Addresses and ranges that may connect; default all. */
  readonly allow?: readonly string[] | undefined;
  /** Proxies whose `X-Forwarded-For` and `X-Forwarded-Host` count. */
  readonly trustProxy?: readonly string[] | undefined;
}

/** What the files and lists say at this moment. */
export interface Protection {
  readonly tls: TlsIdentity | undefined;
  readonly rules: AccessRules;
}

/** Reads everything, so that nothing listens before all of it is understood. */
export async function readProtection(options: ProtectionOptions): Promise<Protection> {
  const { allow, htpasswdFile, trustProxy } = options;
  return {
    tls: await readTls(options),
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

async function readTls(options: ProtectionOptions): Promise<TlsIdentity | undefined> {
  const { clientCaFile, tlsCertFile, tlsKeyFile } = options;
  if (tlsCertFile === undefined && tlsKeyFile === undefined) {
    if (clientCaFile === undefined) return undefined;
    throw new OptionInvalidError("clientCaFile", "clients show certificates only over TLS");
  }
  if (tlsCertFile === undefined || tlsKeyFile === undefined) {
    const missing = tlsKeyFile === undefined ? "tlsKeyFile" : "tlsCertFile";
    throw new OptionInvalidError(missing, "a certificate and its key belong together");
  }
  const identity = {
    cert: await readFile(tlsCertFile),
    key: await readFile(tlsKeyFile),
    ...(clientCaFile === undefined ? {} : { ca: await readFile(clientCaFile) }),
  };
  try {
    createSecureContext(identity);
    return identity;
  } catch (error) {
    const reason = "no certificate and key of PEM that belong together are in these files";
    throw new OptionInvalidError("tlsCertFile", reason, { cause: error });
  }
}
