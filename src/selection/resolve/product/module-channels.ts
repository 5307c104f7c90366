import { CHANNELS, type Channel } from "../../../product/channel.ts";
import { withoutExcluded } from "../excluded-versions.ts";
import { formatFound } from "../source-reader.ts";
import { tryListTags } from "../try-list-tags.ts";
import type { ModuleScope } from "./module-scope.ts";
import { type ChannelPointer, readChannels } from "./read-channels.ts";

/** The release channels of a module that are not left out, in their order. */
export async function readModuleChannels(scope: ModuleScope): Promise<ChannelPointer[]> {
  const { release, reader, selection } = scope;
  const { platforms } = selection;
  const channels = await findChannelNames(scope);
  const pointers = await readChannels(release, { channels, platforms }, reader);
  for (const { channel } of pointers.filter(({ isSuspended }) => isSuspended)) {
    const name = formatFound(release, channel);
    reader.notice("CHANNEL_SUSPENDED", `Channel "${name}" is suspended by its vendor`);
  }
  return withoutExcluded(scope, pointers);
}

/**
 * The channels to ask for. The list that is needed for what belongs to release images spares a request for each that a
 * module does not have; where none is needed, or it is refused, each is asked for: a refusal says nothing of what is there.
 */
async function findChannelNames({
  reader,
  release,
  repository,
  selection,
}: ModuleScope): Promise<readonly Channel[]> {
  if (selection.proxyRegistry || selection.skipReferrers) return CHANNELS;
  const tags = await tryListTags(reader, release);
  if (tags === "refused") return CHANNELS;
  if (tags !== "absent") return CHANNELS.filter((channel) => tags.includes(channel));
  // A registry that lists the versions, and says that there are no releases, does not have these
  const versions = await tryListTags(reader, repository);
  return typeof versions === "string" ? CHANNELS : [];
}
