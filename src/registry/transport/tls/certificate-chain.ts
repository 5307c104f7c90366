import type { Certificate, DetailedPeerCertificate, TLSSocket } from "node:tls";
import { printable } from "../../../oci/errors.ts";

/** A certificate that a server showed, in words; all of it is the server's text. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** Names and addresses it is for: `DNS:registry.local, IP Address:10.0.0.1`. */
  readonly names: string;
  readonly validFrom: string;
  readonly validTo: string;
}

const CHAIN_LIMIT = 10;

/** The certificates that a server showed, its own first; empty when a session was resumed. */
export function readChain(socket: TLSSocket): readonly ShownCertificate[] {
  const chain: ShownCertificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  while (current?.fingerprint256 && !seen.has(current.fingerprint256)) {
    if (chain.length === CHAIN_LIMIT) break;
    seen.add(current.fingerprint256);
    chain.push({
      subject: formatName(current.subject),
      issuer: formatName(current.issuer),
      names: printable(current.subjectaltname ?? ""),
      validFrom: printable(current.valid_from),
      validTo: printable(current.valid_to),
    });
    current = current.issuerCertificate;
  }
  return chain;
}

/** `CN=registry.local, O=Acme` */
function formatName(name: Certificate | undefined): string {
  const parts = Object.entries(name ?? {}).map(([key, value]) => `${key}=${String(value)}`);
  return printable(parts.reverse().join(", ")).slice(0, 200) || "no name";
}
