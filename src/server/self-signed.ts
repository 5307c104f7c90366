import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { OptionInvalidError } from "../errors.ts";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { hasErrorCode } from "../io/errors.ts";
import { lockFile } from "../io/file-lock.ts";
import { mkdir } from "../io/file-system.ts";
import { readFile } from "../io/read-file.ts";
import { option } from "../option.ts";
import { parseAddressList } from "./address-list.ts";
import { createKey, issueAuthority, issueLeaf, readConstraints } from "./certificate.ts";
import type { TlsIdentity } from "./listen.ts";

export interface SelfSignedOptions {
  /** Keeps the authority and the certificate: `ca.crt`, `ca.key`, `tls.crt`, `tls.key`. */
  readonly directory: string;
  /** Names and addresses that clients use besides those of this machine. */
  readonly names: readonly string[];
  /** Time of the day in milliseconds. */
  readonly now: () => number;
}

export interface SelfSigned {
  readonly identity: TlsIdentity;
  readonly authority: OwnAuthority;
}

/** What clients have to trust. */
export interface OwnAuthority {
  readonly path: string;
  /** SHA-256, as `openssl x509 -fingerprint` prints it. */
  readonly fingerprint: string;
  /** RFC 3339. */
  readonly validUntil: string;
  /** Names and addresses that the server can prove to have. */
  readonly names: readonly string[];
  /** Names of this machine that the authority may not vouch for, since it is older than they are. */
  readonly leftOut: readonly string[];
}

const DAY_MS = 24 * 3_600_000;
const AUTHORITY_MS = 3650 * DAY_MS;
/** Longer ones are refused by some clients. */
const LEAF_MS = 397 * DAY_MS;
/** What is left of them when they are made anew. */
const AUTHORITY_REST_MS = 365 * DAY_MS;
const LEAF_REST_MS = 30 * DAY_MS;
/** Clocks of clients may be slow. */
const CLOCK_SKEW_MS = DAY_MS;

/** Networks that no public name is in: addresses there change, and a stolen key is of no use outside. */
const PRIVATE_RANGES = [
  "10.0.0.0/8",
  "127.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::1/128",
  "fc00::/7",
];

/** The certificate for the names of this machine, made where there is none, and anew before it expires. */
export async function openSelfSigned(options: SelfSignedOptions): Promise<SelfSigned> {
  const { directory, now } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using _lock = await lockFile(join(directory, "lock"), directory);
  const wanted = [...new Set([...ownNames(), ...options.names.map(checkName)])];
  const authority = await keepAuthority(directory, wanted, now());
  const covers = coverageOf(await readConstraints(authority.certificate));
  refuseUncovered(options.names.map(checkName), covers, authority.path);
  const names = wanted.filter(covers);
  const leaf = await keepLeaf(directory, { authority, names }, now());
  const { fingerprint256, validTo } = new X509Certificate(authority.certificate);
  return {
    // The authority goes along, for clients that were given an earlier one with the same key
    identity: { cert: leaf.certificate + authority.certificate, key: leaf.key },
    authority: {
      path: authority.path,
      fingerprint: fingerprint256,
      validUntil: new Date(validTo).toISOString(),
      names,
      leftOut: wanted.filter((name) => !covers(name)),
    },
  };
}

interface Kept {
  readonly path: string;
  readonly certificate: string;
  readonly key: string;
}

/** The key stays for as long as the files do, so that clients which trust an older certificate of it go on. */
async function keepAuthority(
  directory: string,
  names: readonly string[],
  now: number,
): Promise<Kept> {
  const path = join(directory, "ca.crt");
  const keyPath = join(directory, "ca.key");
  const [found, foundKey] = [await readPem(path), await readPem(keyPath)];
  if (found !== undefined) {
    if (foundKey === undefined) throw unusable(path, "its key ca.key is missing");
    const { isAuthority, validUntil } = readCertificate(found, { path, key: foundKey });
    if (!isAuthority) throw unusable(path, "it is no authority");
    if (validUntil - now > AUTHORITY_REST_MS) return { path, certificate: found, key: foundKey };
  }
  const key = foundKey ?? createKey();
  const domains = names.filter((name) => isIP(name) === 0);
  const certificate = await issueAuthority({
    key,
    commonName: `mirror serve on ${hostname()}`,
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + AUTHORITY_MS),
    ...(found === undefined ? { domains, ranges: rangesFor(names) } : await readConstraints(found)),
  });
  if (foundKey === undefined) await writeFileAtomically(keyPath, key, { isPrivate: true });
  await writeFileAtomically(path, certificate);
  return { path, certificate, key };
}

async function keepLeaf(
  directory: string,
  { authority, names }: { readonly authority: Kept; readonly names: readonly string[] },
  now: number,
): Promise<Kept> {
  const path = join(directory, "tls.crt");
  const keyPath = join(directory, "tls.key");
  const [found, foundKey] = [await readPem(path), await readPem(keyPath)];
  if (found !== undefined && foundKey !== undefined) {
    const { hasNames, isIssuedBy, validUntil } = readCertificate(found, { path, key: foundKey });
    const isFresh = validUntil - now > LEAF_REST_MS;
    if (isFresh && isIssuedBy(authority.certificate) && hasNames(names)) {
      return { path, certificate: found, key: foundKey };
    }
  }
  const key = foundKey ?? createKey();
  const certificate = await issueLeaf({
    key,
    commonName: names[0] ?? hostname(),
    notBefore: new Date(now - CLOCK_SKEW_MS),
    notAfter: new Date(now + LEAF_MS),
    names,
    authority,
  });
  if (foundKey === undefined) await writeFileAtomically(keyPath, key, { isPrivate: true });
  await writeFileAtomically(path, certificate);
  return { path, certificate, key };
}

/** Everything that is asked of a certificate that is kept. */
function readCertificate(
  pem: string,
  { key, path }: { readonly path: string; readonly key: string },
) {
  let certificate: X509Certificate;
  let belongs: boolean;
  try {
    certificate = new X509Certificate(pem);
    belongs = certificate.checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw unusable(path, "it, or its key, cannot be read", error);
  }
  if (!belongs) throw unusable(path, "it does not belong to the key beside it");
  return {
    isAuthority: certificate.ca,
    validUntil: Date.parse(certificate.validTo),
    isIssuedBy(authority: string) {
      const { publicKey } = new X509Certificate(authority);
      return certificate.verify(publicKey);
    },
    hasNames(names: readonly string[]) {
      const count = certificate.subjectAltName?.split(", ").length;
      const isNamed = (name: string) =>
        (isIP(name) === 0
          ? certificate.checkHost(name, { wildcards: false })
          : certificate.checkIP(name)) !== undefined;
      return count === names.length && names.every(isNamed);
    },
  };
}

/** What this machine is called by others. */
function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    // Those of one link have a meaning on that link only
    .filter(({ scopeid }) => !scopeid)
    .map(({ address }) => address);
  const name = hostname().toLowerCase();
  return [...(HOST_NAME.test(name) ? [name] : []), "localhost", ...addresses];
}

const HOST_NAME = /^(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/;

function checkName(text: string): string {
  const name = text.toLowerCase();
  if (isIP(name) !== 0 || HOST_NAME.test(name)) return name;
  throw new OptionInvalidError("tlsNames", `"${text}" is neither a host name nor an address`, {
    hint: "Write mirror.lan or 192.0.2.7, without a port",
  });
}

function coverageOf({
  domains,
  ranges,
}: {
  readonly domains: readonly string[];
  readonly ranges: readonly string[];
}): (name: string) => boolean {
  const isInRange = parseAddressList(ranges, "tlsDirectory");
  return (name) =>
    isIP(name) === 0
      ? domains.some((domain) => name === domain || name.endsWith(`.${domain}`))
      : isInRange(name);
}

function rangesFor(names: readonly string[]): string[] {
  const isPrivate = coverageOf({ domains: [], ranges: PRIVATE_RANGES });
  const others = names.filter((name) => isIP(name) !== 0 && !isPrivate(name));
  return [...PRIVATE_RANGES, ...others.map((name) => `${name}/${isIP(name) === 6 ? 128 : 32}`)];
}

/** What was asked for is not left out. */
function refuseUncovered(
  names: readonly string[],
  covers: (name: string) => boolean,
  path: string,
): void {
  const uncovered = names.filter((name) => !covers(name));
  if (uncovered.length === 0) return;
  const reason = `the authority in "${path}" may not vouch for ${uncovered.join(", ")}`;
  throw new OptionInvalidError("tlsNames", reason, {
    hint: `Use a new ${option("tlsDirectory")}, or move the files of the old one away: clients have to trust the new authority`,
  });
}

function unusable(path: string, reason: string, cause?: unknown): OptionInvalidError {
  return new OptionInvalidError("tlsDirectory", `"${path}" cannot be used: ${reason}`, {
    hint: "Put back what is missing, or move the files away: a new authority is made, which clients have to trust",
    cause,
  });
}

async function readPem(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
