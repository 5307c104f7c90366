import { type Digest, isDigest } from "./digest.ts";
import { ContentInvalidError } from "./errors.ts";
import { shareMediaType } from "./media-type.ts";
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
  if (!isObject(value)) throw refuse("it is not an object");
  const { mediaType, digest, size } = value;
  if (typeof mediaType !== "string" || mediaType === "") throw refuse("mediaType is missing");
  if (typeof digest !== "string" || !isDigest(digest)) {
    throw refuse(`digest "${String(digest)}" is not a sha256, sha384 or sha512 digest`);
  }
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
    throw refuse(`size ${String(size)} is not a whole number of bytes`);
  }
  const core = { mediaType: shareMediaType(mediaType), digest, size };
  const entries = Object.entries(value).filter(([name]) => !Object.hasOwn(core, name));
  // Most have no more than that
  if (entries.length === 0) return core;
  const others = entries
    .filter(([name, field]) => field !== null && !(name === "platform" && isUntold(field)))
    .map(([name, field]) => [name, MAPS.has(name) ? dropNulls(field) : field] as const);
  for (const [name, field] of others) {
    if (Object.hasOwn(OPTIONAL_FIELDS, name) && !OPTIONAL_FIELDS[name]?.(field)) {
      throw refuse(`${name} is not what it should be`);
    }
  }
  return { ...(Object.fromEntries(others) as Partial<Descriptor>), ...core };
}

const MAPS: ReadonlySet<string> = new Set(["annotations", "platform"]);

/** What optional fields have to be; `null` is as good as absent, because programs in Go write it so. */
const OPTIONAL_FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  artifactType: isString,
  annotations: isStringMap,
  platform: isPlatform,
  urls: (value) => Array.isArray(value) && value.every(isString),
  data: isString,
};

/** Whether a value of a parsed document is a map of texts, as annotations are. */
export function isStringMap(value: unknown): value is Readonly<Record<string, string>> {
  return isObject(value) && Object.values(value).every(isString);
}

/** A platform that names none: without an operating system or an architecture nothing runs on it. */
function isUntold(value: unknown): boolean {
  if (!isObject(value)) return false;
  return [value["os"], value["architecture"]].some((field) => (field ?? "") === "");
}

/** Of a map, the fields that are not `null`: these are as good as absent, too. */
export function dropNulls(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
}

function isPlatform(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { os, architecture, variant } = value;
  return isString(os) && isString(architecture) && (variant === undefined || isString(variant));
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The three fields that identify content, without annotations and the like. */
export function coreOf({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}
