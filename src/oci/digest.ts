import { createHash, type Hash, hash } from "node:crypto";
import { ContentMismatchError, ReferenceInvalidError } from "./errors.ts";

/** `algorithm:encoded`, for example `sha256:44136fa3…`. Always validated before it is used in a path or URL. */
export type Digest = string;

/** Registered algorithms and the length of their lower-case hex (image-spec descriptor.md). */
const HEX_LENGTH: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Splits a digest; throws `REFERENCE_INVALID` for an unknown algorithm or anything but lower-case hex. */
export function parseDigest(text: string): { algorithm: string; encoded: string } {
  const fault = faultOf(text);
  if (fault !== undefined) throw new ReferenceInvalidError(text, fault);
  const separator = text.indexOf(":");
  return { algorithm: text.slice(0, separator), encoded: text.slice(separator + 1) };
}

export function isDigestAlgorithm(text: string): boolean {
  return Object.hasOwn(HEX_LENGTH, text);
}

/** Tags are asked this as often as digests are: no error is made of the answer. */
export function isDigest(text: unknown): boolean {
  return typeof text === "string" && faultOf(text) === undefined;
}

function faultOf(text: string): string | undefined {
  const separator = text.indexOf(":");
  const algorithm = text.slice(0, Math.max(separator, 0));
  const encoded = text.slice(separator + 1);
  const length = isDigestAlgorithm(algorithm) ? HEX_LENGTH[algorithm] : undefined;
  if (length === undefined) return "digest algorithm is not sha256, sha384 or sha512";
  const isHex = encoded.length === length && /^[0-9a-f]+$/.test(encoded);
  return isHex ? undefined : `digest is not ${length} lower-case hex digits`;
}

/** sha256 digest of bytes that are in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${hash("sha256", bytes)}`;
}

/** A running hash of the algorithm that the digest names. */
export function createDigestHash(digest: Digest): Hash {
  return createHash(parseDigest(digest).algorithm);
}

/** Hash of bytes that are in memory, with the algorithm that the digest names: in hex, as digests have it. */
export function hashLike(digest: Digest, bytes: Uint8Array): string {
  return hash(parseDigest(digest).algorithm, bytes);
}

/** Throws `CONTENT_MISMATCH` unless the bytes have exactly this digest. */
export function verifyDigest(bytes: Uint8Array, digest: Digest): void {
  const found = `${parseDigest(digest).algorithm}:${hashLike(digest, bytes)}`;
  if (found !== digest) throw new ContentMismatchError(digest, `its digest is ${found}`);
}
