import { CHANNELS } from "../../../product/channel.ts";
import { VERSION_FILE } from "../../../product/file-names.ts";
import type { ExactPin } from "../../grammar/selection.ts";
import { exactPinsOf } from "../../grammar/selector.ts";
import { sortTags } from "../../grammar/version-filter.ts";
import type { Root } from "../root.ts";
import { type FoundImage, formatFound } from "../source-reader.ts";
import { allMatched, channelUnmatched } from "../unmatched.ts";
import { createRoot, type ModuleScope, pathOf } from "./module-scope.ts";
import { type ChannelPointer, isSameTag, readReleaseVersion } from "./read-channels.ts";

interface ReleaseScope {
  readonly versions: readonly FoundImage[];
  readonly channels: readonly ChannelPointer[];
}

/** `release:<version>` where it exists, and the channels: those of the source, unless a pin claims them. */
export async function resolveReleases(
  scope: ModuleScope,
  { versions, channels }: ReleaseScope,
): Promise<Root[]> {
  const { reader, release } = scope;
  const claims = await claimChannels(scope);
  const claimed = new Set([...claims.values()].flat());
  const releases = await allMatched(
    versions.map(async ({ reference }): Promise<Root[]> => {
      const claimedHere = claims.get(reference) ?? [];
      const manifest = await reader.findManifest(release, reference);
      const name = formatFound(release, reference);
      if (manifest === undefined) {
        return reportUnpublished(scope, { tag: reference, reason: `there is no "${name}"` });
      }
      const image = { repository: release, reference, manifest };
      const reason = claimedHere.length > 0 ? await refuseAsChannel(scope, image) : undefined;
      if (reason === undefined) {
        return [createReleaseRoot(scope, image, [reference, ...claimedHere])];
      }
      reportUnpublished(scope, { tag: reference, reason });
      return [createReleaseRoot(scope, image, [reference])];
    }),
  );
  const kept = channels.filter(({ channel }) => !claimed.has(channel));
  const pointers = kept.map(({ channel, version, manifest }): Root => {
    const image = { repository: release, reference: channel, manifest };
    return { ...createReleaseRoot(scope, image, [channel]), pointsAt: version };
  });
  return [...releases.flat(), ...pointers];
}

/**
 * Tag → the channels that it is published to in the target. A pin without a channel takes all of them, but only if
 * nothing else of the module is selected; `lts` only where the source has it (D9).
 */
async function claimChannels(scope: ModuleScope): Promise<Map<string, string[]>> {
  const { filter, reader, release } = scope;
  const pins = exactPinsOf(filter);
  const claims = new Map<string, string[]>();
  const isSingle = filter.kind === "exact" && new Set(pins.map(({ tag }) => tag)).size === 1;
  for (const { tag, channel } of pins) {
    if (channel !== "all") claims.set(tag, [...(claims.get(tag) ?? []), channel]);
  }
  const bare = pins.filter(({ channel }) => channel === "all");
  const [pin] = bare;
  if (pin === undefined) return claims;
  if (!isSingle) {
    reportAmbiguous(scope, bare);
    return claims;
  }
  const hasLts = (await reader.findManifest(release, "lts")) !== undefined;
  const isClaimed = (claims.get(pin.tag) ?? []).includes("lts");
  const all = CHANNELS.filter((channel) => channel !== "lts" || hasLts || isClaimed);
  return claims.set(pin.tag, all);
}

/** Channels point at one version each: of several only the user can say which. */
function reportAmbiguous({ family, name, reader }: ModuleScope, pins: readonly ExactPin[]): void {
  const tags = sortTags(pins.map(({ tag }) => tag)).map((tag) => `"${tag}"`);
  const subject = `${tags.length > 1 ? "Tags" : "Tag"} ${tags.join(", ")} of ${family.noun} "${name}"`;
  reader.notice(
    "PIN_UNPUBLISHED",
    `${subject} ${tags.length > 1 ? "are" : "is"} published to no release channel: of several versions only +channel says which one a channel gets`,
  );
}

/** Why a release image cannot become a channel: clusters take the version that it names, whatever its tag is. */
async function refuseAsChannel(
  { reader, selection: { platforms } }: ModuleScope,
  image: FoundImage,
): Promise<string | undefined> {
  const name = formatFound(image.repository, image.reference);
  const version = await readReleaseVersion(image, { platforms, reader });
  if (version === undefined) return `"${name}" has no ${VERSION_FILE}`;
  return isSameTag(version, image.reference) ? undefined : `"${name}" stands for "${version}"`;
}

interface Unpublished {
  readonly tag: string;
  readonly reason: string;
}

/** A version that cannot be published to a channel: an error if the user named the channel. */
function reportUnpublished(
  { family, name, filter, release, reader }: ModuleScope,
  { tag, reason }: Unpublished,
): [] {
  const wishes = exactPinsOf(filter).filter((pin: ExactPin) => pin.tag === tag);
  const named = wishes.find(({ channel }) => channel !== "all");
  if (named !== undefined) {
    throw channelUnmatched({
      image: formatFound(release, tag),
      reason,
      tag,
      channel: named.channel,
      hint: `Write "${name}@=${tag}" to take the tag without a channel`,
    });
  }
  if (wishes.length > 0) {
    reader.notice(
      "PIN_UNPUBLISHED",
      `Tag "${tag}" of ${family.noun} "${name}" is published to no release channel: ${reason}`,
    );
  }
  return [];
}

function createReleaseRoot(scope: ModuleScope, image: FoundImage, tags: readonly string[]): Root {
  return createRoot(scope, image, {
    path: `${pathOf(scope)}/${scope.family.releases}`,
    kind: "release-channel",
    tags,
  });
}
