import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  sign,
  X509Certificate,
} from "node:crypto";
import { isIP } from "node:net";

export interface CertificateRequest {
  /** PEM of the key that the certificate is for. */
  readonly key: string;
  readonly commonName: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What an authority may vouch for, each with all that is below it. */
export interface AuthorityRequest extends CertificateRequest {
  readonly domains: readonly string[];
  /** `10.0.0.0/8` */
  readonly ranges: readonly string[];
}

export interface LeafRequest extends CertificateRequest {
  /** Host names and addresses. */
  readonly names: readonly string[];
  readonly authority: { readonly certificate: string; readonly key: string };
}

/** `ecdsa-with-SHA256` */
const SIGNATURE = "1.2.840.10045.4.3.2";
const COMMON_NAME = "2.5.4.3";

/** PEM of a new key that clients of all ages take. */
export function createKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** PEM of a certificate that vouches for others, and only for the names and addresses that it lists. */
export async function issueAuthority(request: AuthorityRequest): Promise<string> {
  const x509 = await import("@peculiar/asn1-x509");
  const { AsnConvert } = await import("@peculiar/asn1-schema");
  const subtrees = [
    ...request.domains.map((dNSName) => new x509.GeneralName({ dNSName })),
    ...request.ranges.map((iPAddress) => new x509.GeneralName({ iPAddress })),
  ].map((base) => new x509.GeneralSubtree({ base }));
  const constraints = new x509.NameConstraints({
    permittedSubtrees: new x509.GeneralSubtrees(subtrees),
  });
  const usage = x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign;
  const own = keyIdOf(request.key);
  return await issue(request, { issuer: request.commonName, signingKey: request.key }, [
    [x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 })],
    [x509.id_ce_keyUsage, new x509.KeyUsage(usage)],
    [x509.id_ce_nameConstraints, AsnConvert.serialize(constraints)],
    [x509.id_ce_subjectKeyIdentifier, new x509.SubjectKeyIdentifier(own)],
  ]);
}

/** PEM of a certificate for a server. */
export async function issueLeaf(request: LeafRequest): Promise<string> {
  const x509 = await import("@peculiar/asn1-x509");
  const { authority, names } = request;
  const issuer = new X509Certificate(authority.certificate).subject.replace(/^CN=/, "");
  const alternatives = names.map((name) =>
    isIP(name) === 0
      ? new x509.GeneralName({ dNSName: name })
      : new x509.GeneralName({ iPAddress: name }),
  );
  const keyIdentifier = new x509.KeyIdentifier(keyIdOf(authority.key));
  const own = keyIdOf(request.key);
  return await issue(request, { issuer, signingKey: authority.key }, [
    [x509.id_ce_basicConstraints, new x509.BasicConstraints({ cA: false })],
    [x509.id_ce_keyUsage, new x509.KeyUsage(x509.KeyUsageFlags.digitalSignature)],
    [x509.id_ce_extKeyUsage, new x509.ExtendedKeyUsage([x509.id_kp_serverAuth])],
    [x509.id_ce_subjectAltName, new x509.SubjectAlternativeName(alternatives)],
    [x509.id_ce_subjectKeyIdentifier, new x509.SubjectKeyIdentifier(own)],
    [x509.id_ce_authorityKeyIdentifier, new x509.AuthorityKeyIdentifier({ keyIdentifier })],
  ]);
}

/** What an authority may vouch for, as it says itself. */
export async function readConstraints(
  certificate: string,
): Promise<Pick<AuthorityRequest, "domains" | "ranges">> {
  const x509 = await import("@peculiar/asn1-x509");
  const { AsnConvert } = await import("@peculiar/asn1-schema");
  const { raw } = new X509Certificate(certificate);
  const { tbsCertificate } = AsnConvert.parse(raw, x509.Certificate);
  const found = tbsCertificate.extensions?.find(
    ({ extnID }) => extnID === x509.id_ce_nameConstraints,
  );
  const constraints = found && AsnConvert.parse(found.extnValue.buffer, x509.NameConstraints);
  const bases = [...(constraints?.permittedSubtrees ?? [])].map(({ base }) => base);
  return {
    domains: bases.flatMap(({ dNSName }) => dNSName ?? []),
    ranges: bases.flatMap(({ iPAddress }) => iPAddress ?? []),
  };
}

/** Extensions that a client has to understand or to refuse the certificate. */
const CRITICAL: ReadonlySet<string> = new Set(["2.5.29.19", "2.5.29.15", "2.5.29.30"]);

interface Signer {
  readonly issuer: string;
  readonly signingKey: string;
}

async function issue(
  { commonName, key, notAfter, notBefore }: CertificateRequest,
  { issuer, signingKey }: Signer,
  extensions: readonly (readonly [id: string, value: unknown])[],
): Promise<string> {
  const x509 = await import("@peculiar/asn1-x509");
  const { AsnConvert, OctetString } = await import("@peculiar/asn1-schema");
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: SIGNATURE });
  const nameOf = (utf8String: string) => {
    const value = new x509.AttributeValue({ utf8String });
    const attribute = new x509.AttributeTypeAndValue({ type: COMMON_NAME, value });
    return new x509.Name([new x509.RelativeDistinguishedName([attribute])]);
  };
  const document = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: serialNumber(),
    signature: algorithm,
    issuer: nameOf(issuer),
    subject: nameOf(commonName),
    validity: new x509.Validity({ notBefore, notAfter }),
    subjectPublicKeyInfo: AsnConvert.parse(publicKeyOf(key), x509.SubjectPublicKeyInfo),
    extensions: new x509.Extensions(
      extensions.map(([extnID, value]) => {
        const bytes = value instanceof ArrayBuffer ? value : AsnConvert.serialize(value);
        const critical = CRITICAL.has(extnID);
        return new x509.Extension({ extnID, critical, extnValue: new OctetString(bytes) });
      }),
    ),
  });
  const signed = sign("sha256", Buffer.from(AsnConvert.serialize(document)), signingKey);
  const certificate = new x509.Certificate({
    tbsCertificate: document,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signed).buffer,
  });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString();
}

/** Positive, and without a zero in front. */
function serialNumber(): ArrayBuffer {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.buffer;
}

function publicKeyOf(key: string): Buffer {
  return createPublicKey(createPrivateKey(key)).export({ type: "spki", format: "der" });
}

function keyIdOf(key: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash("sha1").update(publicKeyOf(key)).digest());
}
