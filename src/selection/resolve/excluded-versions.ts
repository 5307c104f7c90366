import { formatReference } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import { spellingsOf } from "../../product/channel.ts";
import type { VersionFilter } from "../grammar/selection.ts";
import { exactPinsOf } from "../grammar/selector.ts";
import { isInRange } from "../grammar/version-filter.ts";
import { excludingPolicy } from "./choose-tags.ts";
import type { ModuleScope } from "./product/module-scope.ts";
import type { ChannelPointer } from "./product/read-channels.ts";
import { formatFound } from "./source-reader.ts";

/** Without the channels whose version is left out: they would point at nothing. */
export function withoutExcluded(
  scope: ModuleScope,
  channels: readonly ChannelPointer[],
): ChannelPointer[] {
  const { family, reader, release } = scope;
  return channels.filter(({ channel, version }) => {
    const policy = excludingPolicy(version, scope.selection);
    if (policy !== undefined) {
      reader.exclude({
        repository: formatReference(release),
        tag: channel,
        reason: `it points at ${version}: ${policy}`,
      });
      return false;
    }
    if (!isExcluded(scope, version)) return true;
    reader.notice(
      "CHANNEL_EXCLUDED",
      `Channel "${formatFound(release, channel)}" is left out: it points at ${version}, which ${option(family.exclude)} leaves out`,
    );
    return false;
  });
}

/** Notes that a version was left out. */
export function isExcluded({ excluded }: ModuleScope, tag: string): boolean {
  if (excluded === undefined || !covers(excluded.filter, tag)) return false;
  excluded.tags.add(tag);
  return true;
}

/** What of the wish to leave versions out has no effect. */
export function reportExcluded({ excluded, family, filter, name, reader }: ModuleScope): void {
  if (excluded === undefined) return;
  const by = `${option(family.exclude)} "${name}"`;
  const pinned = exactPinsOf(filter).filter(({ tag }) => covers(excluded.filter, tag));
  for (const { tag } of pinned) {
    reader.notice(
      "EXCLUDE_IGNORED",
      `${by} does not leave out "${tag}", which is included by name`,
    );
  }
  if (pinned.length > 0 || excluded.tags.size > 0) return;
  reader.notice(
    "EXCLUDE_UNKNOWN",
    `${by} has no effect: no version of the ${family.noun} that would be taken matches`,
  );
}

function covers(filter: VersionFilter, tag: string): boolean {
  const spellings = spellingsOf(tag);
  return (
    isInRange(tag, filter) ||
    exactPinsOf(filter).some(
      (pin) => spellings.includes(pin.tag) || spellingsOf(pin.tag).includes(tag),
    )
  );
}
