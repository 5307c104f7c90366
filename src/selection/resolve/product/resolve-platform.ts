import {
  formatReference,
  joinRepository,
  type RepositoryReference,
} from "../../../oci/reference.ts";
import { option } from "../../../option.ts";
import type { Channel } from "../../../product/channel.ts";
import {
  INSTALLER_DIGESTS_FILE,
  INSTALLER_TAGS_FILE,
  VERSION_FILE,
} from "../../../product/file-names.ts";
import { INSTALLERS, PLATFORM_RELEASES, STANDALONE_INSTALLERS } from "../../../product/layouts.ts";
import { tagFor } from "../../documents/digest-tag.ts";
import { SelectionUnmatchedError } from "../../errors.ts";
import type { SourceSelection } from "../../grammar/selection.ts";
import { sortTags } from "../../grammar/version-filter.ts";
import type { Root } from "../root.ts";
import { type FoundImage, formatFound, type SourceReader } from "../source-reader.ts";
import { allMatched, channelUnmatched, imageUnmatched } from "../unmatched.ts";
import type { Component } from "./component.ts";
import { parsePlatformImages } from "./platform-images.ts";
import { type ChosenReleases, chooseReleases, releaseRepositoryOf } from "./platform-releases.ts";
import { isSameTag, RELEASE_FILES, readReleaseVersion } from "./read-channels.ts";

/** Releases of the platform with all their images, their installers and their release channels. */
export const PLATFORM: Component = {
  name: "platform",
  without: "noPlatform",
  wishOf: ({ platform }) => {
    if (!platform.enabled) return "no";
    const { releases } = platform;
    return releases.kind === "channels" && releases.since === undefined ? "if-there" : "asked";
  },
  placeOf: releaseRepositoryOf,
  probe: async (selection, reader) => {
    const tags = await reader.listTags(releaseRepositoryOf(selection));
    return tags !== undefined && tags.length > 0;
  },
  resolve: resolvePlatform,
};

interface Scope extends ChosenReleases {
  readonly selection: SourceSelection;
  readonly reader: SourceReader;
  readonly release: RepositoryReference;
  readonly install: RepositoryReference;
  readonly standalone: RepositoryReference;
  /** Versions without a standalone installer. */
  readonly withoutStandalone: string[];
}

async function resolvePlatform(selection: SourceSelection, reader: SourceReader): Promise<Root[]> {
  const { source } = selection;
  const scope: Scope = {
    ...(await chooseReleases(selection, reader)),
    selection,
    reader,
    release: releaseRepositoryOf(selection),
    install: joinRepository(source, INSTALLERS),
    standalone: joinRepository(source, STANDALONE_INSTALLERS),
    withoutStandalone: [],
  };
  const groups = await allMatched(scope.versions.map((version) => resolveVersion(scope, version)));
  reportStandalone(scope);
  const channels = scope.channels.map(({ channel, version, manifest }): Root => {
    const image = { repository: scope.release, reference: channel, manifest };
    return { ...createRoot(image, PLATFORM_RELEASES), pointsAt: version };
  });
  return [...groups.flat(), ...channels];
}

/** `R:V`, its installer, its release image and every image that the installer lists. */
async function resolveVersion(scope: Scope, version: string): Promise<Root[]> {
  const { selection } = scope;
  const main = await requireVersion(scope, selection.source, version);
  const tag = main.reference;
  const published = await findAliases(scope, tag);
  const groups = await allMatched([
    resolveInstaller(scope, tag, published),
    resolveRelease(scope, tag, published),
    resolveStandalone(scope, tag),
  ]);
  return [createRoot(main, ""), ...groups.flat()];
}

/** A version that is asked for without its `v` is found with it. */
async function requireVersion(
  { reader }: Scope,
  repository: RepositoryReference,
  version: string,
): Promise<FoundImage> {
  for (const reference of /^\d+\.\d/.test(version) ? [version, `v${version}`] : [version]) {
    const manifest = await reader.findManifest(repository, reference);
    if (manifest !== undefined) return { repository, reference, manifest };
  }
  throw await imageUnmatched(repository, {
    reader,
    subject: `release "${version}" of the platform`,
    reason: `"${formatReference(repository)}" does not have it`,
    wanted: version,
  });
}

/** The channels that a version gets in the target: as in the source, or as its release image can stand for. */
async function findAliases(scope: Scope, tag: string): Promise<readonly Channel[]> {
  const { aliases, channels, release, reader, selection } = scope;
  const pointed = channels.filter(({ version }) => isSameTag(version, tag));
  if (aliases.length === 0) return pointed.map(({ channel }) => channel);
  const image = await findRelease(scope, tag);
  const name = formatFound(release, image?.reference ?? tag);
  const { releases } = selection.platform;
  const withhold = (reason: string): [] => {
    if (releases.kind === "tag" && releases.channel !== "all") {
      const { channel } = releases;
      const hint = `Use ${option("platformTag")} ${tag} to take the release without a channel`;
      throw channelUnmatched({ image: name, reason, tag, channel, hint });
    }
    const message = `Release "${tag}" of the platform is published to no release channel: ${reason}`;
    reader.notice("PIN_UNPUBLISHED", message);
    return [];
  };
  if (image === undefined) return withhold(`there is no "${name}"`);
  const { platforms } = selection;
  const version = await readReleaseVersion(image, { platforms, reader, names: RELEASE_FILES });
  if (version === undefined) return withhold(`"${name}" has no ${VERSION_FILE}`);
  return isSameTag(version, tag) ? aliases : withhold(`"${name}" stands for "${version}"`);
}

/** `release-channel:V`, or the image of the channel that led to the version. */
async function findRelease(
  { followed, reader, release: repository }: Scope,
  tag: string,
): Promise<FoundImage | undefined> {
  const manifest = await reader.findManifest(repository, tag);
  if (manifest !== undefined) return { repository, reference: tag, manifest };
  return followed && { repository, reference: followed.channel, manifest: followed.manifest };
}

/** The installer under its version and its channels, and the images that it lists. */
async function resolveInstaller(
  scope: Scope,
  tag: string,
  channels: readonly Channel[],
): Promise<Root[]> {
  const { install, reader, selection } = scope;
  const image = await requireVersion(scope, install, tag);
  const name = formatFound(install, tag);
  const names = [INSTALLER_TAGS_FILE, INSTALLER_DIGESTS_FILE];
  const found = await reader.readFiles(image, { names, platforms: selection.platforms });
  const references = new Set(found.flatMap((files) => parsePlatformImages(files, `image ${name}`)));
  const images = await allMatched(
    [...references].map((reference) => resolveImage(scope, reference, name)),
  );
  return [{ ...createRoot(image, INSTALLERS), tags: [tag, ...channels] }, ...images];
}

async function resolveImage(
  { reader, selection }: Scope,
  reference: string,
  installer: string,
): Promise<Root> {
  const repository = selection.source;
  const manifest = await reader.findManifest(repository, reference);
  if (manifest !== undefined) return createRoot({ repository, reference, manifest }, "");
  throw new SelectionUnmatchedError(
    `image "${formatFound(repository, reference)}"`,
    `"${installer}" lists it, but the source does not have it`,
    { hint: "Leave the release out, or ask the vendor to publish the image" },
  );
}

/** The release image. A release that was named may lack it; one that was found by its release image cannot. */
async function resolveRelease(
  scope: Scope,
  tag: string,
  channels: readonly Channel[],
): Promise<Root[]> {
  const { aliases, release } = scope;
  const image = await findRelease(scope, tag);
  if (image !== undefined) {
    const own = image.reference === tag ? [tag] : [];
    const published = aliases.length > 0 ? channels : [];
    return [{ ...createRoot(image, PLATFORM_RELEASES), tags: [...own, ...published] }];
  }
  if (aliases.length > 0) return [];
  throw new SelectionUnmatchedError(
    `release image "${formatFound(release, tag)}"`,
    "without it clusters behind the target cannot see the release",
  );
}

/** Not every release has one. */
async function resolveStandalone(scope: Scope, reference: string): Promise<Root[]> {
  const repository = scope.standalone;
  const manifest = await scope.reader.findManifest(repository, reference);
  if (manifest !== undefined) {
    return [createRoot({ repository, reference, manifest }, STANDALONE_INSTALLERS)];
  }
  scope.withoutStandalone.push(reference);
  return [];
}

function reportStandalone({ reader, standalone, withoutStandalone }: Scope): void {
  if (withoutStandalone.length === 0) return;
  const place = formatReference(standalone);
  const list = sortTags(withoutStandalone).join(", ");
  reader.notice(
    "STANDALONE_INSTALLER_MISSING",
    `"${place}" has nothing for ${list}: only the installer itself is taken`,
  );
}

function createRoot({ repository, reference, manifest }: FoundImage, layout: string): Root {
  return {
    packageName: "platform",
    packageKind: "platform",
    layout,
    repository: layout,
    tags: [tagFor(reference)],
    kind: layout === PLATFORM_RELEASES ? "release-channel" : "image",
    origin: repository,
    reference,
    manifest,
  };
}
