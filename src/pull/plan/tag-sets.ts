import { parseCosignTag } from "../../oci/cosign-tag.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { isListRefused, isMissing } from "../../store/errors.ts";
import type { OperationOptions, TagSource } from "../../store/store.ts";

/** The tags of a repository, as what belongs to an image is looked up in them. */
export interface TagSet {
  readonly all: ReadonlySet<string>;
  /** What is named after a manifest and is not of cosign: prefix (`sha256-<hex>.`) → tags. */
  readonly others: ReadonlyMap<string, readonly string[]>;
}

const NAMED_AFTER = /^[a-z0-9]+-[0-9a-f]{64,128}\./;

/**
 * The tags of each repository, gone through once for all images of it: of ten thousand images in a repository of ten
 * thousand tags, each would cost as much as all of them. Undefined where the source gives no list.
 */
export class TagSets {
  readonly #sets = new Map<string, Promise<TagSet | undefined>>();

  of(
    origin: RepositoryReference,
    source: TagSource,
    options: OperationOptions,
  ): Promise<TagSet | undefined> {
    const key = formatReference(origin);
    const known = this.#sets.get(key) ?? listTags(source, options);
    this.#sets.set(key, known);
    return known;
  }
}

async function listTags(source: TagSource, options: OperationOptions): Promise<TagSet | undefined> {
  const all = new Set<string>();
  const others = new Map<string, string[]>();
  try {
    for await (const tag of source.listTags(options)) {
      all.add(tag);
      const [prefix] = NAMED_AFTER.exec(tag) ?? [];
      if (prefix === undefined || parseCosignTag(tag) !== undefined) continue;
      const named = others.get(prefix);
      if (named === undefined) others.set(prefix, [tag]);
      else named.push(tag);
    }
    return { all, others };
  } catch (error) {
    // Some give no list with a 404: whoever asks has read an image there
    if (isListRefused(error) || isMissing(error)) return undefined;
    throw error;
  }
}
