import { ContentInvalidError } from "../oci/errors.ts";
import type { Platform } from "../oci/platform.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { Manifest } from "../store/store.ts";
import { type Channel, parseChannelRelease } from "./channel.ts";
import { CHANGELOG_FILE, VERSION_FILE } from "./release-files.ts";
import { formatFound, type SourceReader } from "./source-reader.ts";
import { allMatched } from "./unmatched.ts";

/** A release channel in the source. */
export interface ChannelPointer {
  readonly channel: Channel;
  /** Tag of the version that it points at. */
  readonly version: string;
  readonly isSuspended: boolean;
  readonly manifest: Manifest;
}

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

async function readChannel(
  { channel, release }: { readonly channel: Channel; readonly release: RepositoryReference },
  { platforms, isStrict = false }: ReadChannelsOptions,
  reader: SourceReader,
): Promise<ChannelPointer | undefined> {
  const manifest = await reader.findManifest(release, channel);
  if (manifest === undefined) return undefined;
  const name = formatFound(release, channel);
  const image = { repository: release, reference: channel, manifest };
  const names = isStrict ? [VERSION_FILE, CHANGELOG_FILE] : [VERSION_FILE];
  const found = await reader.readFiles(image, { names, platforms });
  const file = found.map((files) => files.get(VERSION_FILE)).find((bytes) => bytes !== undefined);
  if (file === undefined) {
    if (isStrict) throw new ContentInvalidError(`image ${name}`, `it has no ${VERSION_FILE}`);
    reader.notice(
      "channel-unreadable",
      `Channel image "${name}" is skipped: it has no ${VERSION_FILE}`,
    );
    return undefined;
  }
  return { channel, manifest, ...parseChannelRelease(file, `${VERSION_FILE} of "${name}"`) };
}
