import { type Digest, isDigest } from "./digest.ts";
import { ContentInvalidError } from "./errors.ts";
import type { Platform } from "./platform.ts";

/** Points at content by type, digest and size in bytes (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
  /** The content itself, base64; never trusted without its digest. */
  readonly data?: string;
}

/** Checks a descriptor of a parsed document; `where` names it in errors, for example `layers[2]`. */
export function parseDescriptor(value: unknown, where: string): Descriptor {
  const refuse = (reason: string) => new ContentInvalidError(`descriptor ${where}`, reason);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("it is not an object");
  }
  const { mediaType, digest, size, ...rest } = value as Record<string, unknown>;
  if (typeof mediaType !== "string" || mediaType === "") throw refuse("mediaType is missing");
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw refuse(`digest "${String(digest)}" is not a sha256, sha384 or sha512 digest`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw refuse(`size ${String(size)} is not a whole number of bytes`);
  }
  return { ...(rest as Partial<Descriptor>), mediaType, digest, size };
}

/** The three fields that identify content, without annotations and the like. */
export function coreOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
