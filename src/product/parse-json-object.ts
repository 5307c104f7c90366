import { ContentInvalidError } from "../oci/errors.ts";

/** Parses a small file out of an image that must hold a JSON object; `subject` names it in errors. */
export function parseJsonObject(bytes: Uint8Array, subject: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not JSON", { cause });
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new ContentInvalidError(subject, "it is not a JSON object");
  }
  return document as Record<string, unknown>;
}
