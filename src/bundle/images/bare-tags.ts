import { OptionInvalidError } from "../../errors.ts";
import { ContentInvalidError, ReferenceInvalidError } from "../../oci/errors.ts";
import { isTag } from "../../oci/reference.ts";
import { option } from "../../option.ts";
import type { BundledTag, BundledTags } from "./bundled-tags.ts";

/** `tag` names the one image that has no name; to rename others it is refused. */
export function nameUntagged(
  bundled: BundledTags,
  { bundlePath, tag }: { readonly bundlePath: string; readonly tag?: string | undefined },
): BundledTags {
  if (tag === undefined) return bundled;
  parseTag(tag);
  const { tags, unnamed } = bundled;
  const digests = new Set(unnamed.map(({ digest }) => digest));
  const [first] = unnamed;
  if (first === undefined) {
    throw new OptionInvalidError("tag", `every image of "${bundlePath}" has a tag`, {
      hint: `Leave out ${option("tag")}: it names the image that has none`,
    });
  }
  if (digests.size > 1) {
    throw new OptionInvalidError(
      "tag",
      `${digests.size} images of "${bundlePath}" have no tag: ${[...digests].slice(0, 2).join(", ")}, …`,
      { hint: "Give each a tag of its own in its layout, or write each to a layout of its own" },
    );
  }
  const { layout, descriptor: root } = first;
  const { repository } = layout;
  const named: BundledTag = {
    layout,
    repository,
    tag,
    root,
    kind: "image",
    source: "",
    isBare: true,
  };
  return { ...bundled, tags: [...tags, named], unnamed: [] };
}

/** Whether a text can be a tag; asked before anything is opened. */
export function parseTag(tag: string | undefined): void {
  if (tag === undefined || isTag(tag)) return;
  throw new ReferenceInvalidError(tag, `${option("tag")} takes a tag`, {
    hint: 'Write letters, digits and . _ - as in "1.0"',
  });
}

/** A tag without a repository, and what it stands for. */
export interface BareTag {
  /** Repository path below the target. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Two images cannot have one tag: whichever came last would be the only one that is left. */
export function refuseClash(tags: readonly BareTag[], bundlePath: string): void {
  const first = new Map<string, string>();
  for (const { repository, tag, digest } of tags) {
    const name = `${repository}:${tag}`;
    const known = first.get(name) ?? digest;
    first.set(name, known);
    if (known === digest) continue;
    throw new ContentInvalidError(
      `"${bundlePath}"`,
      `${known} and ${digest} both have the tag "${tag}" and no repository`,
      { hint: "Push each by itself, to a repository of its own" },
    );
  }
}
