import { formatReference, joinRepository } from "../../../oci/reference.ts";
import { option } from "../../../option.ts";
import { spellingsOf } from "../../../product/channel.ts";
import { EXTRA_IMAGES_FILE, IMAGES_DIGESTS_FILE } from "../../../product/file-names.ts";
import type { Manifest } from "../../../store/store.ts";
import { isDigestTag } from "../../documents/digest-tag.ts";
import { parseExtraImages, parseImagesDigests } from "../../documents/module-images.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { ModuleSelector } from "../../grammar/selection.ts";
import { exactPinsOf } from "../../grammar/selector.ts";
import {
  formatFilter,
  isInRange,
  isListing,
  type ListingFilter,
  sortTags,
} from "../../grammar/version-filter.ts";
import { chooseTags, namesOfLimits } from "../choose-tags.ts";
import { isExcluded, reportExcluded } from "../excluded-versions.ts";
import { findListed, listCandidates } from "../list-candidates.ts";
import type { Root } from "../root.ts";
import { type FoundImage, formatFound } from "../source-reader.ts";
import { allMatched, moduleUnmatched } from "../unmatched.ts";
import { readModuleChannels } from "./module-channels.ts";
import { resolveReleases } from "./module-releases.ts";
import { createRoot, type ModuleScope, pathOf, type ResolveModuleOptions } from "./module-scope.ts";
import type { ChannelPointer } from "./read-channels.ts";

/**
 * The roots of one module or package: its versions, their release images and channels, and every image that a version lists. A
 * channel is in the answer only with the version that it points at.
 */
export async function resolveModule(
  selector: ModuleSelector,
  options: ResolveModuleOptions,
): Promise<Root[]> {
  const { family, reader, selection } = options;
  const catalog = family.catalogOf(selection);
  const repository = joinRepository(catalog, selector.name);
  const release = joinRepository(repository, family.releases);
  const places = { catalog, repository, release };
  const { excludeVersions = [] } = family.wishesOf(selection);
  const exclusion = excludeVersions.find(({ name }) => name === selector.name);
  const excluded = exclusion && { filter: exclusion.filter, tags: new Set<string>() };
  const scope: ModuleScope = { ...options, ...selector, ...places, excluded, unlisted: [] };
  const { kind } = selector.filter;
  const [channels] = await Promise.all([
    kind === "exact" ? [] : readModuleChannels(scope),
    // Asked for early, read when the channels are known
    isListing(selector.filter) && !selection.proxyRegistry
      ? reader.listTags(repository)
      : undefined,
  ]);
  const versions = await findVersions(scope, channels);
  reportExcluded(scope);
  if (versions.length === 0) return reportEmpty(scope);
  const { onlyExtraImages } = family.wishesOf(selection);
  const groups = await allMatched([
    ...versions.map((version) => resolveListedImages(scope, version)),
    ...(onlyExtraImages ? [] : [resolveReleases(scope, { versions, channels })]),
  ]);
  reportUnlisted(scope);
  if (onlyExtraImages && groups.flat().length === 0) reportNoExtras(scope, versions);
  const modules = versions.map((version) => createRoot(scope, version));
  return [...(onlyExtraImages ? [] : modules), ...groups.flat()];
}

/** The module images of all wanted versions, each tag once. */
async function findVersions(
  scope: ModuleScope,
  channels: readonly ChannelPointer[],
): Promise<FoundImage[]> {
  const { filter } = scope;
  const ranged = isListing(filter) ? await listRange(scope, filter, channels) : [];
  const pinned = exactPinsOf(filter).map(({ tag }) => tag);
  const found = await allMatched([
    ...ranged.map((tag) => findListed(scope.repository, tag, scope.reader)),
    ...pinned.map((tag) => findPinned(scope, tag)),
    ...channels.map((pointer) => findPointed(scope, pointer)),
  ]);
  return [...new Map(found.map((image) => [image.reference, image])).values()];
}

async function listRange(
  scope: ModuleScope,
  filter: ListingFilter,
  channels: readonly ChannelPointer[],
): Promise<string[]> {
  const { family, name, reader, repository } = scope;
  const tags = await listCandidates(repository, filter, scope);
  const offered = (tags ?? []).filter(
    // What only a digest or a channel names is no version
    (tag) => isInRange(tag, filter) && !isDigestTag(tag) && !isExcluded(scope, tag),
  );
  const selected = await chooseTags(repository, { tags: offered, filter }, scope);
  if (selected.length === 0 && !channels.some(({ version }) => isInRange(version, filter))) {
    throw await moduleUnmatched(scope, {
      reader,
      subject: `versions ${formatFilter(filter)} of ${family.noun} "${name}"`,
      reason: whyNothing(scope, offered),
    });
  }
  if (tags === undefined) {
    reader.notice(
      "TAG_LIST_MISSING",
      `Repository "${formatReference(repository)}" does not list its tags: only the versions of the release channels are taken`,
    );
  }
  return selected;
}

function whyNothing(
  { excluded, family, selection }: ModuleScope,
  offered: readonly string[],
): string {
  if (offered.length > 0) return `what it takes is left out by ${namesOfLimits(selection.tags)}`;
  return excluded?.tags.size
    ? `${option(family.exclude)} leaves out every tag in this range`
    : `no tag of the ${family.noun} lies in this range`;
}

async function findPinned(scope: ModuleScope, tag: string): Promise<FoundImage> {
  const { family, name, reader, repository } = scope;
  const manifest = await reader.findManifest(repository, tag);
  if (manifest !== undefined) return { repository, reference: tag, manifest };
  throw await moduleUnmatched(scope, {
    reader,
    subject: `tag "${tag}" of ${family.noun} "${name}"`,
    reason: "the source does not have it",
    wanted: tag,
  });
}

/** The version of a channel, which the source may publish without `v`. */
async function findPointed(
  scope: ModuleScope,
  { channel, version }: ChannelPointer,
): Promise<FoundImage> {
  const { family, name, reader, repository } = scope;
  for (const tag of spellingsOf(version)) {
    const manifest = await reader.findManifest(repository, tag);
    if (manifest !== undefined) return { repository, reference: tag, manifest };
  }
  throw await moduleUnmatched(scope, {
    reader,
    subject: `version "${version}" of ${family.noun} "${name}"`,
    reason: `channel ${channel} points at it, but the source does not have it`,
    wanted: version,
  });
}

/** A module that has nothing to take: an error for a name that the user gave, a notice otherwise. */
async function reportEmpty(scope: ModuleScope): Promise<[]> {
  const { excluded, family, name, isNamed, reader } = scope;
  const reason = excluded?.tags.size
    ? `${option(family.exclude)} leaves out every version that its release channels point at`
    : "it has no release channels";
  if (!isNamed) {
    reader.notice("MODULE_EMPTY", `${titleOf(family)} "${name}" is skipped: ${reason}`);
    return [];
  }
  throw await moduleUnmatched(scope, {
    reader,
    subject: `versions of ${family.noun} "${name}"`,
    reason: `${reason}, and no version is named`,
  });
}

/** What `images_digests.json` and `extra_images.json` of a version name. */
async function resolveListedImages(scope: ModuleScope, version: FoundImage): Promise<Root[]> {
  const { family, reader, selection } = scope;
  const { onlyExtraImages } = family.wishesOf(selection);
  const names = [EXTRA_IMAGES_FILE, ...(onlyExtraImages ? [] : [IMAGES_DIGESTS_FILE])];
  const found = await reader.readFiles(version, { names, platforms: selection.platforms });
  if (!onlyExtraImages && found.every((files) => digestsIn(files) === undefined)) {
    scope.unlisted.push(version.reference);
  }
  const lists = found.map((files) =>
    allMatched([
      resolveInternalImages(scope, version, digestsIn(files) ?? []),
      resolveExtraImages(scope, version, files.get(EXTRA_IMAGES_FILE)),
    ]),
  );
  return (await allMatched(lists)).flat(2);
}

/** Undefined: there is no list, or none that can be read. */
function digestsIn(files: ReadonlyMap<string, Buffer>): string[] | undefined {
  const file = files.get(IMAGES_DIGESTS_FILE);
  return file && parseImagesDigests(file);
}

/** Small modules have no images of their own; of others the list got lost. */
function reportUnlisted({ family, name, reader, unlisted }: ModuleScope): void {
  if (unlisted.length === 0) return;
  const list = sortTags(unlisted).join(", ");
  reader.notice(
    "IMAGE_LIST_MISSING",
    `${titleOf(family)} "${name}" has no readable ${IMAGES_DIGESTS_FILE} in ${list}: no images of its own are taken`,
  );
}

function titleOf({ noun }: ModuleScope["family"]): string {
  return noun === "module" ? "Module" : "Package";
}

/** Many modules have none; who names one expects some. */
function reportNoExtras(
  { family, name, isNamed, reader }: ModuleScope,
  versions: readonly FoundImage[],
): void {
  if (!isNamed) return;
  const list = sortTags(versions.map(({ reference }) => reference)).join(", ");
  reader.notice(
    "MODULE_EMPTY",
    `${titleOf(family)} "${name}" is skipped: no extra images in ${list}`,
  );
}

async function resolveInternalImages(
  scope: ModuleScope,
  version: FoundImage,
  digests: readonly string[],
): Promise<Root[]> {
  return allMatched(
    digests.map(async (digest) => {
      const { repository } = scope;
      const manifest = await requireListed(scope, { repository, reference: digest }, version);
      return createRoot(scope, { repository, reference: digest, manifest });
    }),
  );
}

async function resolveExtraImages(
  scope: ModuleScope,
  version: FoundImage,
  file: Buffer | undefined,
): Promise<Root[]> {
  if (file === undefined) return [];
  const { reader, repository } = scope;
  const origin = formatFound(version.repository, version.reference);
  const { images, skipped } = parseExtraImages(file, `${EXTRA_IMAGES_FILE} of "${origin}"`);
  for (const name of skipped) {
    reader.notice(
      "EXTRA_IMAGE_SKIPPED",
      `Extra image "${name}" of "${origin}" is skipped: its value names no tag`,
    );
  }
  return allMatched(
    images.map(async ({ name, reference }) => {
      const image = { repository: joinRepository(repository, "extra", name), reference };
      const manifest = await requireListed(scope, image, version);
      return createRoot(
        scope,
        { ...image, manifest },
        {
          path: `${pathOf(scope)}/extra/${name}`,
          kind: "extra",
        },
      );
    }),
  );
}

async function requireListed(
  { reader }: ModuleScope,
  { repository, reference }: Omit<FoundImage, "manifest">,
  version: FoundImage,
): Promise<Manifest> {
  const manifest = await reader.findManifest(repository, reference);
  if (manifest !== undefined) return manifest;
  throw new SelectionUnmatchedError(
    `image "${formatFound(repository, reference)}"`,
    `"${formatFound(version.repository, version.reference)}" lists it, but the source does not have it`,
    { hint: "Leave the version out, or ask the vendor to publish the image" },
  );
}
