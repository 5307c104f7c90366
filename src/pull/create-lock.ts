import { formatCanonicalJson } from "../bundle/canonical-json.ts";
import { LOCK_MEDIA_TYPE, type Lock, sealLock } from "../lock/lock.ts";
import { formatReference } from "../oci/reference.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import { describeImage, describeSelection, totalsOf } from "./describe-bundle.ts";
import type { ResolvedContents } from "./resolve-contents.ts";
import { recordedSelection, type Wishes } from "./wishes.ts";

/** Whether a lock was made of these wishes. */
export function isSelectionOfLock(selection: Selection, lock: Lock): boolean {
  return formatCanonicalJson(describeSelection(selection)) === formatCanonicalJson(lock.selection);
}

/** The lock of contents; the same contents always make the same lock. */
export function createLock(
  wishes: Wishes,
  { contents, extraFiles }: Pick<ResolvedContents, "contents" | "extraFiles">,
): Lock {
  const selection = recordedSelection(wishes);
  return sealLock({
    schemaVersion: 1,
    mediaType: LOCK_MEDIA_TYPE,
    ...(selection.source ? { source: formatReference(selection.source) } : {}),
    selection: describeSelection(selection),
    packages: contents.map(({ name, kind, layouts }) => ({
      name,
      kind,
      layouts: layouts.map(({ path, images }) => ({ path, images: images.map(describeImage) })),
    })),
    ...(extraFiles.length > 0 ? { extraFiles } : {}),
    totals: totalsOf(contents),
  });
}
