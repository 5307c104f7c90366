import { ContentInvalidError } from "../../../oci/errors.ts";
import type { Platform } from "../../../oci/platform.ts";
import type { RepositoryReference } from "../../../oci/reference.ts";
import {
  type Channel,
  type ChannelRelease,
  parseChannelRelease,
} from "../../../product/channel.ts";
import { CHANGELOG_FILE, VERSION_FILE } from "../../../product/file-names.ts";
import type { Manifest } from "../../../store/store.ts";
import { type FoundImage, formatFound, type SourceReader } from "../source-reader.ts";
import { allMatched } from "../unmatched.ts";

/** A release channel in the source. */
export interface ChannelPointer {
  readonly channel: Channel;
  /** Tag of the version that it points at. */
  readonly version: string;
  readonly isSuspended: boolean;
  readonly manifest: Manifest;
}

/** What is read of release images of the platform, in one go. */
export const RELEASE_FILES = [VERSION_FILE, CHANGELOG_FILE];

export interface ReadChannelsOptions {
  readonly channels: readonly Channel[];
  readonly platforms: readonly Platform[];
  /** A channel image without a version is an error; otherwise it is skipped with a notice. */
  readonly isStrict?: boolean;
}

/** The channels that exist, in their order. Asks for each by name: a tag list would not say where they point. */
export async function readChannels(
  release: RepositoryReference,
  options: ReadChannelsOptions,
  reader: SourceReader,
): Promise<ChannelPointer[]> {
  const pointers = await allMatched(
    options.channels.map((channel) => readChannel({ channel, release }, options, reader)),
  );
  return pointers.filter((pointer) => pointer !== undefined);
}

/** Whether the version of a release image is the one of a tag, which may lack the `v`. */
export function isSameTag(version: string, tag: string): boolean {
  return version === tag || version === `v${tag}`;
}

export interface ReadReleaseOptions {
  readonly platforms: readonly Platform[];
  readonly reader: SourceReader;
  /** Files that are read together, so that each image is read once. */
  readonly names?: readonly string[] | undefined;
}

/** The version that a release image names; undefined: it names none. */
export async function readReleaseVersion(
  image: FoundImage,
  { platforms, reader, names = [VERSION_FILE] }: ReadReleaseOptions,
): Promise<string | undefined> {
  return (await readRelease(image, { platforms, reader, names }))?.version;
}

async function readRelease(
  image: FoundImage,
  { platforms, reader, names = [] }: ReadReleaseOptions,
): Promise<ChannelRelease | undefined> {
  const found = await reader.readFiles(image, { names, platforms });
  const file = found.map((files) => files.get(VERSION_FILE)).find((bytes) => bytes !== undefined);
  const name = formatFound(image.repository, image.reference);
  return file && parseChannelRelease(file, `${VERSION_FILE} of "${name}"`);
}

async function readChannel(
  { channel, release }: { readonly channel: Channel; readonly release: RepositoryReference },
  { platforms, isStrict = false }: ReadChannelsOptions,
  reader: SourceReader,
): Promise<ChannelPointer | undefined> {
  const manifest = await reader.findManifest(release, channel);
  if (manifest === undefined) return undefined;
  const name = formatFound(release, channel);
  const image = { repository: release, reference: channel, manifest };
  const names = isStrict ? RELEASE_FILES : [VERSION_FILE];
  const pointer = await readRelease(image, { platforms, reader, names });
  if (pointer === undefined) {
    if (isStrict) throw new ContentInvalidError(`image ${name}`, `it has no ${VERSION_FILE}`);
    reader.notice(
      "CHANNEL_UNREADABLE",
      `Channel image "${name}" is skipped: it has no ${VERSION_FILE}`,
    );
    return undefined;
  }
  return { channel, manifest, ...pointer };
}
