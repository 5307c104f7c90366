import { isDigest } from "../../../oci/digest.ts";
import { ContentInvalidError } from "../../../oci/errors.ts";
import { isTag } from "../../../oci/reference.ts";
import { INSTALLER_DIGESTS_FILE, INSTALLER_TAGS_FILE } from "../../../product/file-names.ts";

/** Tags or digests of all images of a release, each once, sorted. `subject` names the installer in errors. */
export function parsePlatformImages(
  files: ReadonlyMap<string, Uint8Array>,
  subject: string,
): string[] {
  for (const [name, accepts] of [
    [INSTALLER_TAGS_FILE, isTag],
    [INSTALLER_DIGESTS_FILE, isDigest],
  ] as const) {
    const bytes = files.get(name);
    if (bytes !== undefined) return parseList(bytes, `${name} of ${subject}`, accepts);
  }
  throw new ContentInvalidError(
    subject,
    `it has neither ${INSTALLER_DIGESTS_FILE} nor ${INSTALLER_TAGS_FILE}`,
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
