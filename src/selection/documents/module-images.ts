import { compareTexts } from "../../compare-texts.ts";
import { isDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { isRepositoryName, isTag } from "../../oci/reference.ts";
import { parseJsonObject } from "../../product/parse-json-object.ts";

/** An image that lives in a repository of its own beside the module. */
interface ExtraImage {
  readonly name: string;
  /** Tag or digest. */
  readonly reference: string;
}

interface ParsedExtraImages {
  readonly images: readonly ExtraImage[];
  /** Names whose value names no image. */
  readonly skipped: readonly string[];
}

/**
 * Every sha256 digest in the file, wherever it stands: the shape of the document differs between modules. Undefined for
 * what has none and is no JSON either: that is no list of nothing, but a list that got lost.
 */
export function parseImagesDigests(bytes: Uint8Array): string[] | undefined {
  const text = Buffer.from(bytes).toString("utf8");
  const found = text.match(/sha256:[a-f0-9]{64}/g);
  if (found) return [...new Set(found)].sort();
  return isJson(text) ? [] : undefined;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A flat object from name to tag; whole numbers are tags as well. `subject` names the file in errors. */
export function parseExtraImages(bytes: Uint8Array, subject: string): ParsedExtraImages {
  const document = parseJsonObject(bytes, subject);
  const images: ExtraImage[] = [];
  const skipped: string[] = [];
  for (const [name, value] of Object.entries(document).sort(([a], [b]) => compareTexts(a, b))) {
    if (typeof value !== "string" && !Number.isSafeInteger(value)) skipped.push(name);
    else images.push(createExtraImage(name, String(value), subject));
  }
  return { images, skipped };
}

function createExtraImage(name: string, reference: string, subject: string): ExtraImage {
  if (!isRepositoryName(name) || name.includes("/")) {
    throw new ContentInvalidError(subject, `"${name}" is not the name of an image`);
  }
  if (!isTag(reference) && !isDigest(reference)) {
    throw new ContentInvalidError(subject, `"${reference}" of "${name}" is not a tag`);
  }
  return { name, reference };
}
