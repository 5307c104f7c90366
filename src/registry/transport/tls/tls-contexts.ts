import { createSecureContext, type SecureContext } from "node:tls";
import { OptionInvalidError } from "../../../errors.ts";
import { option } from "../../../option.ts";
import { type ClientCertificate, readHostCertificates } from "./certs-directory.ts";
import { readNamedCertificates, readNamedPem } from "./read-pem.ts";
import type { TlsOptions, Warn } from "./tls-options.ts";
import { readTrustedRoots } from "./trusted-roots.ts";

export interface TlsContextsOptions extends TlsOptions {
  /** Hosts that are shown the client certificate; a host that a registry redirects to is none of them. */
  readonly isRegistry: (host: string) => boolean;
  readonly warn: Warn;
}

/** Reads files once and makes the TLS settings of each host when it is first asked for. */
export interface TlsContexts {
  /** Rejects when a file that the user named cannot be used. */
  readonly check: () => Promise<void>;
  readonly contextOf: (host: string) => Promise<SecureContext>;
}

/** What the user named, in PEM. */
interface Named {
  readonly ca: readonly string[];
  readonly client: ClientCertificate | undefined;
}

export function createTlsContexts(options: TlsContextsOptions): TlsContexts {
  const contexts = new Map<string, Promise<SecureContext>>();
  const readNamedOnce = once(() => readNamed(options));
  // Parsing a hundred certificates takes longer than a small request: not before a host speaks TLS
  const readRootsOnce = once(async () => {
    const { ca } = await readNamedOnce();
    return await readTrustedRoots(options, ca, options.warn);
  });
  return {
    check: async () => {
      await readNamedOnce();
    },
    contextOf: (host) => {
      const known = contexts.get(host);
      if (known !== undefined) return known;
      const context = readRootsOnce().then(async (roots) => {
        const { client } = await readNamedOnce();
        return await createContext(host, { roots, client }, options);
      });
      contexts.set(host, context);
      return context;
    },
  };
}

function once<Value>(read: () => Promise<Value>): () => Promise<Value> {
  let reading: Promise<Value> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
}

async function readNamed(options: TlsOptions): Promise<Named> {
  const { ca = [], caFiles = [] } = options;
  // the other files matter only to a connection with TLS
  const client = await readClient(options);
  const read = await Promise.all(caFiles.map((path) => readNamedCertificates(path, "caFiles")));
  return { client, ca: [...ca, ...read] };
}

async function readClient({ certFile, keyFile }: TlsOptions) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new OptionInvalidError(
      certFile === undefined ? "keyFile" : "certFile",
      `a client certificate needs both ${option("certFile")} and ${option("keyFile")}`,
    );
  }
  const cert = await readNamedCertificates(certFile, "certFile");
  const key = await readNamedPem(keyFile, "keyFile");
  if (key.includes("ENCRYPTED")) {
    throw new OptionInvalidError("keyFile", `"${keyFile}" is encrypted`, {
      hint: "Take its password off for a file that only you can read: openssl pkey -in FILE -out client.key",
    });
  }
  try {
    createSecureContext({ cert, key });
  } catch {
    // not chained: messages about keys stay out of logs
    throw new OptionInvalidError("keyFile", `"${keyFile}" is not the key of "${certFile}"`);
  }
  return { cert, key };
}

async function createContext(
  host: string,
  { roots, client }: { roots: readonly string[]; client: ClientCertificate | undefined },
  options: TlsContextsOptions,
): Promise<SecureContext> {
  const own = await readHostCertificates(host, options, options.warn);
  const shown = own.client ?? (options.isRegistry(host) ? client : undefined);
  const trusted = { ca: [...roots, ...own.ca], ...ANY_ANCHOR };
  try {
    return createSecureContext({ ...trusted, ...shown });
  } catch {
    const message = `The client certificate of "${host}" in certs.d is not used: it and its key do not fit`;
    options.warn("CERTIFICATES_UNUSABLE", message);
    return createSecureContext(trusted);
  }
}

/** What is trusted ends a chain, also an intermediate authority or the certificate of a server itself, as in Go. */
const ANY_ANCHOR = { allowPartialTrustChain: true } as const;
