import type { RepositoryReference } from "../oci/reference.ts";
import type { Manifest } from "../store/store.ts";
import { CHANNELS, type Channel, parseChannelRelease } from "./channel.ts";
import type { Selection } from "./selection.ts";
import { formatFound, type SourceReader } from "./source-reader.ts";
import { allMatched } from "./unmatched.ts";

/** A release channel of a module in the source. */
export interface ChannelPointer {
  readonly channel: Channel;
  /** Tag of the version that it points at. */
  readonly version: string;
  readonly manifest: Manifest;
}

const VERSION_FILE = "version.json";

/** The channels that exist, in their order. Asks for each by name: a tag list would not say where they point. */
export async function readChannels(
  release: RepositoryReference,
  selection: Selection,
  reader: SourceReader,
): Promise<ChannelPointer[]> {
  const pointers = await allMatched(
    CHANNELS.map((channel) => readChannel({ channel, release }, selection, reader)),
  );
  return pointers.filter((pointer) => pointer !== undefined);
}

async function readChannel(
  { channel, release }: { readonly channel: Channel; readonly release: RepositoryReference },
  { platforms }: Selection,
  reader: SourceReader,
): Promise<ChannelPointer | undefined> {
  const manifest = await reader.findManifest(release, channel);
  if (manifest === undefined) return undefined;
  const name = formatFound(release, channel);
  const image = { repository: release, reference: channel, manifest };
  const found = await reader.readFiles(image, { names: [VERSION_FILE], platforms });
  const file = found.map((files) => files.get(VERSION_FILE)).find((bytes) => bytes !== undefined);
  if (file === undefined) {
    reader.notice(
      "channel-unreadable",
      `Channel image "${name}" is skipped: it has no ${VERSION_FILE}`,
    );
    return undefined;
  }
  const { version, isSuspended } = parseChannelRelease(file, `${VERSION_FILE} of "${name}"`);
  if (isSuspended) {
    reader.notice("channel-suspended", `Channel "${name}" is suspended by its vendor`);
  }
  return { channel, version, manifest };
}
