import type { BundleLayout } from "../bundle/read/bundle-manifest.ts";
import { openBundle } from "../bundle/read/bundle-reader.ts";
import type { ComparedPlace } from "../diff/compare-contents.ts";
import { readLock } from "../lock/lock-file.ts";
import { restoreSelection } from "../selection/grammar/restore-selection.ts";
import type { Selection } from "../selection/grammar/selection.ts";

interface Recorded {
  readonly selection?: unknown;
  readonly packages: readonly { readonly layouts: readonly BundleLayout[] }[];
}

/** What a bundle or a lock was made for; undefined: nobody has written it down. */
export async function readRecordedSelection(place: ComparedPlace): Promise<Selection | undefined> {
  const [recorded] = await readRecorded(place);
  const { selection } = recorded ?? {};
  return typeof selection === "object" && selection !== null
    ? restoreSelection(selection)
    : undefined;
}

/** What a bundle or a lock says of itself; empty for a target, and for bundles of others. */
export async function readRecorded(place: ComparedPlace): Promise<readonly Recorded[]> {
  switch (place.kind) {
    case "target":
      return [];
    case "lock":
      return [place.lock ?? (await readLock(place.path))];
    case "bundle": {
      await using bundle = await openBundle(place.path);
      return bundle.manifest === undefined ? [] : [bundle.manifest];
    }
  }
}
