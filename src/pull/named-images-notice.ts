import { type NamingImage, readNamedImages } from "../artifacts/named-images.ts";
import type { ImageContents, PackageContents } from "../contents/contents.ts";
import { MirrorError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { formatReference, parseReference } from "../oci/reference.ts";
import { option } from "../option.ts";
import { readWrittenBlobs, type WrittenPackage } from "./written-blobs.ts";

/** Images that the notice names before it only counts. */
const NAMED = 20;

/** Layers with lists have some kilobytes; larger ones are told as unread. */
const LAYER_LIMIT_BYTES = 32 * 1024 * 1024;

/** Images that one of them names in its layers, and that are not in the bundle: none is looked for. */
export async function noticeOfNamed(
  { image, naming }: { readonly image: ImageContents; readonly naming: NamingImage },
  { contents, ...written }: WrittenPackage & { readonly contents: readonly PackageContents[] },
): Promise<readonly Notice[]> {
  const who = `"${image.source}" is ${naming.what}`;
  const left = `They are not taken with it: ask for them with ${option("includeImages")}`;
  if (naming.isList === undefined) return [toNotice(`${who}, which names images. ${left}`)];
  try {
    const named = await readNamedImages(naming, layersOf(image, written), (reason, options) => {
      return new ContentInvalidError(`image "${image.source}"`, reason, options);
    });
    const absent = named.filter(isAbsentFrom(contents));
    if (absent.length === 0) return [];
    const rest = absent.length > NAMED ? `, and ${absent.length - NAMED} more` : "";
    const list = `${absent.slice(0, NAMED).join(", ")}${rest}`;
    return [
      toNotice(`${who}, and names images in ${naming.place} that are not here: ${list}. ${left}`),
    ];
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== "CONTENT_INVALID") throw error;
    const reason = `, whose list of images (${naming.place}) cannot be read: ${error.message}. `;
    return [toNotice(`${who}${reason}${left}`)];
  }
}

function toNotice(message: string): Notice {
  return { code: "NAMED_IMAGES_LEFT_OUT", message };
}

async function* layersOf(
  { archive }: ImageContents,
  written: WrittenPackage,
): AsyncIterable<Buffer> {
  const layers: Buffer[] = [];
  const readable = { ...written, limitBytes: LAYER_LIMIT_BYTES };
  await readWrittenBlobs(readable, new Set(archive?.layers), (_, bytes) => layers.push(bytes));
  yield* layers;
}

/** By digest wherever it came from, as such lists are read after a copy; else by name. */
function isAbsentFrom(contents: readonly PackageContents[]): (text: string) => boolean {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const here = new Set(
    images.flatMap(({ source, documents, sourceDigest }) => [
      source,
      ...documents.map(({ digest }) => digest),
      ...(sourceDigest ? [sourceDigest] : []),
    ]),
  );
  return (text) => {
    const { tag = "latest", digest, ...repository } = parseReference(text);
    return !here.has(digest ?? formatReference({ ...repository, tag }));
  };
}
