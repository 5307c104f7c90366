import { ContentInvalidError } from "../../oci/errors.ts";
import {
  essenceOf,
  isLegacyManifestType,
  isManifestType,
  MEDIA_TYPE,
} from "../../oci/media-type.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import { headerOf, type ResponseHeaders } from "../transport/headers.ts";

export interface ManifestAnswer {
  readonly bytes: Buffer;
  readonly headers: ResponseHeaders;
}

/** The served type, or the document's own where the server gives only a general one, or that of the other format. */
export function mediaTypeOf({ bytes, headers }: ManifestAnswer, name: string): string {
  const served = essenceOf(headerOf(headers, "content-type") ?? "");
  const subject = `manifest of "${name}"`;
  if (isManifestType(served)) return otherFormatOf(bytes, served, subject) ?? served;
  if (isLegacyManifestType(served)) return served;
  if (served === "text/html") throw new ContentInvalidError(subject, "it is a web page", A_PAGE);
  const document = parseStrictJson(bytes, subject);
  const fields = (typeof document === "object" ? document : {}) as Record<string, unknown>;
  const own = fields?.["mediaType"];
  if (typeof own === "string") return own;
  if (Array.isArray(fields?.["manifests"])) return MEDIA_TYPE.imageIndex;
  if (Array.isArray(fields?.["layers"])) return MEDIA_TYPE.imageManifest;
  throw new ContentInvalidError(subject, `the server gives it the type "${served}"`);
}

/**
 * The document's own type, if it is the same thing in the other format: caches of Harbor serve indexes of OCI as lists of Docker.
 * Both are read alike, and the digest covers what the document says.
 */
function otherFormatOf(bytes: Buffer, served: string, subject: string): string | undefined {
  // Nearly always it is there, and nothing has to be parsed
  if (bytes.includes(served)) return undefined;
  const document = parseStrictJson(bytes, subject) as Record<string, unknown> | null;
  const own = document?.["mediaType"];
  const isOther = ALIKE.some((types) => types.includes(served) && types.includes(String(own)));
  return isOther ? String(own) : undefined;
}

const ALIKE: readonly (readonly string[])[] = [
  [MEDIA_TYPE.imageIndex, MEDIA_TYPE.dockerManifestList],
  [MEDIA_TYPE.imageManifest, MEDIA_TYPE.dockerManifest],
];

/** Proxies and hotels ask for a login so. */
export const A_PAGE = {
  hint: "Check that a registry answers here, and no proxy or login page in its place",
};
