import { MirrorError } from "../../errors.ts";
import { isChannel, spellingsOf } from "../../product/channel.ts";
import { INSTALLERS, PLATFORM_RELEASES } from "../../product/layouts.ts";
import type { BundleReader } from "../read/bundle-reader.ts";
import { readBundledGraph } from "./bundle-graph.ts";
import type { BundledTag } from "./bundled-tags.ts";
import { readPointedVersion } from "./pointed-version.ts";

/**
 * `install:<channel>`, of which the documented way to install starts: the installer of the version that the channel
 * points at. Bundles of `d8 mirror` before v0.33.17 have the installers under their versions only.
 */
export async function readInstallerChannels(
  bundle: BundleReader,
  tags: readonly BundledTag[],
): Promise<BundledTag[]> {
  const installers = tags.filter(({ repository }) => repository === INSTALLERS);
  const tagged = new Set(installers.map(({ tag }) => tag));
  const added: BundledTag[] = [];
  for (const channel of tags.filter(({ repository }) => repository === PLATFORM_RELEASES)) {
    if (installers.length === 0 || !isChannel(channel.tag) || tagged.has(channel.tag)) continue;
    const spellings = spellingsOf((await readVersion(bundle, channel)) ?? "");
    const installer = installers.find(({ tag }) => spellings.includes(tag));
    if (installer) added.push({ ...installer, tag: channel.tag });
  }
  return added;
}

/** A channel that cannot be read fails by itself when its turn comes. */
async function readVersion(
  bundle: BundleReader,
  { layout, root }: BundledTag,
): Promise<string | undefined> {
  try {
    const graph = await readBundledGraph(bundle, layout, root);
    return await readPointedVersion({ bundle, layout, graph });
  } catch (error) {
    if (error instanceof MirrorError) return undefined;
    throw error;
  }
}
