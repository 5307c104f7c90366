import type { Failure } from "../../failure.ts";
import { parseDigest } from "../../oci/digest.ts";
import { formatReference } from "../../oci/reference.ts";
import { targetPathOf } from "../../oci/target-path.ts";
import { option } from "../../option.ts";
import { mapLimited } from "../../run/map-limited.ts";
import { ContentMissingError } from "../../store/errors.ts";
import { parseImageVersion } from "../../versions/tag-version.ts";
import { isDigestTag } from "../documents/digest-tag.ts";
import type { ImageSelector, Selection } from "../grammar/selection.ts";
import { isListing, type ListingFilter, selectTags } from "../grammar/version-filter.ts";
import { type AttemptOne, attemptInto } from "./attempt-one.ts";
import { chooseTags, excludingPolicy, namesOfLimits } from "./choose-tags.ts";
import { whyLeftOut } from "./exclusion.ts";
import { listCandidates } from "./list-candidates.ts";
import type { Root } from "./root.ts";
import type { FoundImage, SourceReader } from "./source-reader.ts";
import { allMatchedOf, imageUnmatched } from "./unmatched.ts";

const DEFAULT_TAG = "latest";

/** Images that are being resolved, and tags of one repository: more than requests at once, which the reader limits. */
const IMAGES_AT_ONCE = 64;

const NOTHING_FITS = {
  range: "no tag lies in this range",
  policy: "no tag fits this policy",
} as const;

export interface ResolvedImages {
  readonly roots: readonly Root[];
  /** Images that a repository lists and that cannot be had; the others are not affected. */
  readonly failures: readonly Failure[];
}

/** The roots of the images that were named one by one. */
export async function resolveImages(
  selection: Selection,
  reader: SourceReader,
): Promise<ResolvedImages> {
  const failures: Failure[] = [];
  const attempt = attemptInto(failures);
  const roots = await allMatchedOf(selection.images, IMAGES_AT_ONCE, (selector) =>
    resolveImage(selector, selection, reader, attempt),
  );
  return { roots: roots.flat(), failures };
}

/** What is asked for by its name has to be there; of what a range takes, each image stands for itself. */
export async function resolveImage(
  selector: ImageSelector,
  selection: Selection,
  reader: SourceReader,
  attempt: AttemptOne = attemptNone,
): Promise<Root[]> {
  const { reference, filter } = selector;
  const { tag, digest } = reference;
  const repository = { registry: reference.registry, repository: reference.repository };
  if (isLeftOut(selector, selection, reader)) return [];
  if (isListing(filter)) {
    const tags = await selectImageTags({ ...selector, filter }, selection, reader);
    const found = await mapLimited(tags, IMAGES_AT_ONCE, (match) =>
      attempt(formatReference({ ...repository, tag: match }), async () =>
        createRoot(await findListed({ repository, reference: match }, reader), [match]),
      ),
    );
    return found.flat();
  }
  const wanted = digest ?? tag ?? DEFAULT_TAG;
  const image = await findImage(selector, { repository, reference: wanted }, reader);
  const tags =
    digest === undefined ? [wanted] : [parseDigest(digest).encoded, ...(tag ? [tag] : [])];
  return [createRoot(image, tags)];
}

/** Whether the repository, or the tag that is named, is one that is to be left out. */
function isLeftOut(
  { reference, filter }: ImageSelector,
  selection: Selection,
  reader: SourceReader,
): boolean {
  const { registry, repository, tag, digest } = reference;
  const place = { registry, repository };
  const reason = whyLeftOut(place, selection.repositories);
  if (reason !== undefined) reader.exclude({ repository: formatReference(place), reason });
  if (reason !== undefined || isListing(filter) || digest !== undefined)
    return reason !== undefined;
  const named = tag ?? DEFAULT_TAG;
  const excluding = excludingPolicy(named, selection);
  if (excluding === undefined) return false;
  reader.exclude({ repository: formatReference(place), tag: named, reason: excluding });
  return true;
}

async function selectImageTags(
  { text, reference, filter }: ImageSelector & { readonly filter: ListingFilter },
  selection: Selection,
  reader: SourceReader,
): Promise<string[]> {
  const { registry, repository } = reference;
  const options = {
    // The flag is about the registry of the source
    selection: {
      proxyRegistry: selection.proxyRegistry && registry === selection.source?.registry,
    },
    reader,
    prefixes: ["", "v"],
    parse: parseImageVersion,
  };
  const listed = (await listCandidates({ registry, repository }, filter, options)) ?? [];
  // What belongs to an image comes with it
  const tags = listed.filter((tag) => !isDigestTag(tag));
  const place = { registry, repository };
  const parse = parseImageVersion;
  const selected = await chooseTags(place, { tags, filter }, { selection, reader, parse });
  if (selected.length > 0) return selected;
  const isMatched = selectTags(tags, filter, { parse }).length > 0;
  throw await imageUnmatched(
    { registry, repository },
    {
      reader,
      subject: `image "${text}"`,
      reason: isMatched
        ? `what it takes is left out by ${namesOfLimits(selection.tags)}`
        : NOTHING_FITS[filter.kind],
    },
  );
}

const attemptNone: AttemptOne = async (_subject, work) => [await work()];

/** Registries go on listing tags whose manifests were deleted, or never came whole. */
async function findListed(
  { repository, reference }: Omit<FoundImage, "manifest">,
  reader: SourceReader,
): Promise<FoundImage> {
  const manifest = await reader.findManifest(repository, reference);
  if (manifest !== undefined) return { repository, reference, manifest };
  const name = formatReference({ ...repository, tag: reference });
  const reason = "the repository lists this tag and does not have what it points at";
  throw new ContentMissingError(`image "${name}"`, reason, {
    hint: `Leave it out with ${option("excludeTags")}, or delete the tag there`,
  });
}

/**
 * An image that is named by tag and digest may be known by the tag only: pull-through caches of Amazon know a digest once
 * somebody has asked for a tag of it.
 */
async function findImage(
  { text, reference: { tag } }: ImageSelector,
  { repository, reference }: Omit<FoundImage, "manifest">,
  reader: SourceReader,
): Promise<FoundImage> {
  const manifest = await reader.findManifest(repository, reference);
  if (manifest !== undefined) return { repository, reference, manifest };
  const isByDigest = tag !== undefined && tag !== reference;
  const tagged = isByDigest ? await reader.findManifest(repository, tag) : undefined;
  if (tagged?.descriptor.digest === reference) return { repository, reference, manifest: tagged };
  const moved = tagged ? `, and "${tag}" is ${tagged.descriptor.digest} there` : "";
  throw await imageUnmatched(repository, {
    reader,
    subject: `image "${text}"`,
    reason: `the repository does not have "${reference}"${moved}`,
    wanted: reference,
  });
}

function createRoot(
  { repository, reference, manifest }: FoundImage,
  tags: readonly string[],
): Root {
  return {
    packageName: "images",
    packageKind: "images",
    layout: "",
    repository: targetPathOf(repository),
    tags,
    kind: "image",
    origin: repository,
    reference,
    manifest,
  };
}
