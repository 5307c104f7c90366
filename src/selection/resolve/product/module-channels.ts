import { MirrorError } from "../../../errors.ts";
import type { RepositoryReference } from "../../../oci/reference.ts";
import { CHANNELS, type Channel } from "../../../product/channel.ts";
import { withoutExcluded } from "../excluded-versions.ts";
import { formatFound, type SourceReader } from "../source-reader.ts";
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
  const tags = await listOrRefusal(reader, release);
  if (tags === "refused") return CHANNELS;
  if (tags !== undefined) return CHANNELS.filter((channel) => tags.includes(channel));
  // A registry that lists the versions, and says that there are no releases, does not have these
  const versions = await listOrRefusal(reader, repository);
  return versions === undefined || versions === "refused" ? CHANNELS : [];
}

/** All tags; undefined where there is no such repository. */
async function listOrRefusal(
  reader: SourceReader,
  repository: RepositoryReference,
): Promise<readonly string[] | "refused" | undefined> {
  try {
    return await reader.listTags(repository);
  } catch (error) {
    if (error instanceof MirrorError && error.code === "REGISTRY_DENIED") return "refused";
    throw error;
  }
}
