import { createPublicKey, type KeyObject, verify } from "node:crypto";

/** A public key, and the hashes that signers use with it. */
export interface PublicKey {
  readonly key: KeyObject;
  /** Null: the scheme hashes by itself. */
  readonly hashes: readonly (string | null)[];
}

const RSA_LEAST_BITS = 2048;
const ED25519_SIGNATURE_BYTES = 64;

/** Cosign signs with SHA-256 whatever the curve; sigstore's clients take the hash that is as long as the curve. */
const HASHES_OF_CURVE: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ["sha256"],
  secp384r1: ["sha384", "sha256"],
  secp521r1: ["sha512", "sha256"],
};

/** Parses PEM; throws an `Error` whose message says what is wrong with it. */
export function parsePublicKey(pem: string): PublicKey {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new Error("it is a private key: the public one is expected");
  }
  if (!/-----BEGIN (?:RSA )?PUBLIC KEY-----/.test(pem)) {
    throw new Error('it has no "-----BEGIN PUBLIC KEY-----"');
  }
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch (cause) {
    throw new Error("it is not a public key that can be read", { cause });
  }
  return { key, hashes: hashesOf(key) };
}

function hashesOf({ asymmetricKeyType: type, asymmetricKeyDetails = {} }: KeyObject) {
  const { modulusLength = 0, namedCurve = "" } = asymmetricKeyDetails;
  if (type === "ed25519") return [null];
  if (type === "rsa") {
    if (modulusLength >= RSA_LEAST_BITS) return ["sha256", "sha384", "sha512"];
    throw new Error(`its ${modulusLength} bits are too few: RSA takes ${RSA_LEAST_BITS} or more`);
  }
  const hashes = type === "ec" ? HASHES_OF_CURVE[namedCurve] : undefined;
  if (hashes !== undefined) return hashes;
  throw new Error("it is no ECDSA key of P-256, P-384 or P-521, no RSA and no Ed25519 key");
}

/** Whether the private half of the key has signed exactly these bytes. */
export async function isSignedWith(
  { key, hashes }: PublicKey,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (hashes.some((hash) => verify(hash, data, key, signature))) return true;
  return key.asymmetricKeyType === "ed25519" && (await isSignedPrehashed(key, data, signature));
}

/** Cosign signs with Ed25519ph (RFC 8032, 5.1), which `node:crypto` does not have. */
async function isSignedPrehashed(
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const { x = "" } = key.export({ format: "jwk" });
  const { ed25519ph } = await import("@noble/curves/ed25519.js");
  if (signature.length !== ED25519_SIGNATURE_BYTES) return false;
  return ed25519ph.verify(signature, data, Buffer.from(x, "base64url"), { zip215: false });
}
