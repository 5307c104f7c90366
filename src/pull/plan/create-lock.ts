import { resolve } from "node:path";
import { formatCanonicalJson } from "../../bundle/format/canonical-json.ts";
import { compareTexts } from "../../compare-texts.ts";
import type { MadeContent, PackageContents } from "../../contents/contents.ts";
import { LOCK_MEDIA_TYPE, type Lock, type LockedSelection, sealLock } from "../../lock/lock.ts";
import { formatReference } from "../../oci/reference.ts";
import type { Selection } from "../../selection/grammar/selection.ts";
import { describeImage, describeSelection, totalsOf } from "../directory/describe-bundle.ts";
import { recordedSelection, type Wishes } from "../directory/wishes.ts";
import type { ResolvedContents } from "./resolve-contents.ts";

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
    ...madeOf(contents, selection),
  });
}

/** Without times, and paths as they were written: a lock is for other machines too. */
function madeOf(
  contents: readonly PackageContents[],
  selection: Pick<Selection, "files"> | LockedSelection,
): Pick<Lock, "made"> {
  const files = "files" in selection ? (selection.files ?? []) : [];
  const written = new Map(files.map(({ path }) => [resolve(path), path]));
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const made = images
    .flatMap((image) => image.made ?? [])
    .map((content): MadeContent => {
      if (content.kind === "web") return { ...content, address: withoutQuery(content.address) };
      if (content.kind === "text") return content;
      const { kind, digest, path } = content;
      return { kind, digest, path: written.get(path) ?? path };
    });
  const unique = new Map(made.map((content) => [content.digest, content]));
  const sorted = [...unique.values()].sort((a, b) => compareTexts(a.digest, b.digest));
  return sorted.length > 0 ? { made: sorted } : {};
}

/** A query may be a secret, and is one for a short time only. */
function withoutQuery(address: string): string {
  return address.replace(/\?.*$/s, "");
}
