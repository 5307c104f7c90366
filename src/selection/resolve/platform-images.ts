import { isDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { isTag } from "../../oci/reference.ts";

/** Files of an installer image that list the images of a release; the first, of older releases, wins. */
export const IMAGES_TAGS_FILE = "deckhouse/candi/images_tags.json";
export const IMAGES_DIGESTS_FILE = "deckhouse/candi/images_digests.json";

/** Tags or digests of all images of a release, each once, sorted. `subject` names the installer in errors. */
export function parsePlatformImages(
  files: ReadonlyMap<string, Uint8Array>,
  subject: string,
): string[] {
  for (const [name, accepts] of [
    [IMAGES_TAGS_FILE, isTag],
    [IMAGES_DIGESTS_FILE, isDigest],
  ] as const) {
    const bytes = files.get(name);
    if (bytes !== undefined) return parseList(bytes, `${name} of ${subject}`, accepts);
  }
  throw new ContentInvalidError(
    subject,
    `it has neither ${IMAGES_DIGESTS_FILE} nor ${IMAGES_TAGS_FILE}`,
  );
}

/** Module → image → tag or digest. */
function parseList(
  bytes: Uint8Array,
  subject: string,
  accepts: (text: string) => boolean,
): string[] {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new ContentInvalidError(subject, "it is not JSON", { cause });
  }
  const found = new Set<string>();
  for (const [module, images] of entriesOf(document, subject)) {
    for (const [image, reference] of entriesOf(images, subject)) {
      if (typeof reference !== "string" || !accepts(reference)) {
        throw new ContentInvalidError(subject, `"${module}.${image}" names no image`);
      }
      found.add(reference);
    }
  }
  return [...found].sort();
}

function entriesOf(value: unknown, subject: string): [string, unknown][] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value);
  }
  throw new ContentInvalidError(subject, "it is not an object of objects");
}
