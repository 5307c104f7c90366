import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { fallbackTagOf } from "../target/fallback-tag.ts";
import type { Inventory } from "./inventory.ts";

/**
 * Pure: what some manifests of a repository need or have belonging to them, and they themselves: children of indexes;
 * referrers, by the list of the registry, by the fallback tag and by tags of cosign; and again of all these.
 */
export function neededBy(roots: Iterable<Digest>, inventory: Inventory): ReadonlySet<Digest> {
  const { manifests, referrers, tags } = inventory;
  const tagged = cosignTagsOf(inventory);
  const needed = new Set<Digest>();
  const waiting = [...roots];
  for (let digest = waiting.pop(); digest !== undefined; digest = waiting.pop()) {
    if (needed.has(digest)) continue;
    needed.add(digest);
    const fallback = tags.get(fallbackTagOf(digest));
    waiting.push(
      ...(manifests.get(digest)?.children ?? []),
      ...(referrers.get(digest) ?? []),
      ...(tagged.get(digest) ?? []),
      ...(fallback === undefined ? [] : [fallback]),
    );
  }
  return needed;
}

/** Subject → what cosign has tagged for it. */
function cosignTagsOf({ tags }: Inventory): ReadonlyMap<Digest, readonly Digest[]> {
  const found = new Map<Digest, Digest[]>();
  for (const [tag, digest] of tags) {
    const subject = parseCosignTag(tag)?.subject;
    if (subject === undefined) continue;
    found.set(subject, [...(found.get(subject) ?? []), digest]);
  }
  return found;
}
