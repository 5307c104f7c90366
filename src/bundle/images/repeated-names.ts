import { ContentInvalidError } from "../../oci/errors.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { ANNOTATION } from "../format/format.ts";
import type { BundledTag } from "./bundled-tags.ts";

export interface RepeatedNames {
  /** What has a name that another image has later, and so is not published. */
  readonly repeated: readonly BundledTag[];
  /** Two of them are for different platforms: both are meant, and a registry has one name for both only with an index. */
  readonly clash: ContentInvalidError | undefined;
}

/** Pure: what the last image of each name takes the place of, in layouts of other programs. */
export function findRepeated(
  tags: readonly BundledTag[],
  kept: readonly BundledTag[],
): RepeatedNames {
  const nameOf = ({ repository, tag }: BundledTag) => `${repository}:${tag}`;
  const winners = new Map(kept.map((one) => [nameOf(one), one]));
  const repeated = tags.filter((one) => {
    // What is named by a short tag is listed again when that has moved: so `d8 mirror` means it
    if (one.source === "" || one.root.annotations?.[ANNOTATION.shortTag] !== undefined)
      return false;
    return winners.get(nameOf(one))?.root.digest !== one.root.digest;
  });
  const clashes = repeated.flatMap((one) => clashOf(one, winners.get(nameOf(one))) ?? []);
  return { repeated, clash: clashes[0] };
}

function clashOf(one: BundledTag, other: BundledTag | undefined): ContentInvalidError | undefined {
  const [left, right] = [one.root.platform, other?.root.platform];
  if (!left || !right || formatPlatform(left) === formatPlatform(right)) return undefined;
  const reason = `the layout has it for ${formatPlatform(left)} and for ${formatPlatform(right)} under one name, and without an index`;
  return new ContentInvalidError(`image "${one.source}"`, reason, {
    hint: "Join them in an index, or write each to a layout and a name of its own",
  });
}
