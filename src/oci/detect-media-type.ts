import { isManifestType, MEDIA_TYPE } from "./media-type.ts";
import { parseStrictJson } from "./strict-json.ts";

/** Media type of a manifest whose descriptor is not known: its own field, else its shape (image-spec, "mediaType"). */
export function detectMediaType(bytes: Uint8Array, subject: string): string {
  const document = parseStrictJson(bytes, subject) as Record<string, unknown> | null;
  const claimed = document?.["mediaType"];
  if (typeof claimed === "string" && isManifestType(claimed)) return claimed;
  return Array.isArray(document?.["manifests"]) ? MEDIA_TYPE.imageIndex : MEDIA_TYPE.imageManifest;
}
