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

/** The served type, or the document's own where the server gives only a general one. */
export function mediaTypeOf({ bytes, headers }: ManifestAnswer, name: string): string {
  const served = essenceOf(headerOf(headers, "content-type") ?? "");
  if (isManifestType(served) || isLegacyManifestType(served)) return served;
  const subject = `manifest of "${name}"`;
  if (served === "text/html") throw new ContentInvalidError(subject, "it is a web page", A_PAGE);
  const document = parseStrictJson(bytes, subject);
  const fields = (typeof document === "object" ? document : {}) as Record<string, unknown>;
  const own = fields?.["mediaType"];
  if (typeof own === "string") return own;
  if (Array.isArray(fields?.["manifests"])) return MEDIA_TYPE.imageIndex;
  if (Array.isArray(fields?.["layers"])) return MEDIA_TYPE.imageManifest;
  throw new ContentInvalidError(subject, `the server gives it the type "${served}"`);
}

/** Proxies and hotels ask for a login so. */
const A_PAGE = {
  hint: "Check that a registry answers here, and no proxy or login page in its place",
};
