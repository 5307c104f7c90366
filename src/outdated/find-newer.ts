import { MirrorError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { formatReference, joinRepository, type RepositoryReference } from "../oci/reference.ts";
import { targetPathOf } from "../oci/target-path.ts";
import type { ImageSelector, Selection, VersionFilter } from "../selection/grammar/selection.ts";
import { exactPinsOf } from "../selection/grammar/selector.ts";
import { excludingPolicy } from "../selection/resolve/choose-tags.ts";
import { whyLeftOut } from "../selection/resolve/exclusion.ts";
import { MODULES, PACKAGES } from "../selection/resolve/product/family.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import { newerTags } from "../versions/newer-tags.ts";

/** A tag that is asked for by its name, and versions of the same shape that the source has above it. */
export interface NewerTags {
  /** Path below a target. */
  readonly repository: string;
  readonly tag: string;
  /** Highest first. */
  readonly newer: readonly string[];
  /** Full reference of the tag in the source. */
  readonly source: string;
}

export interface FindNewerOptions extends OperationOptions {
  readonly selection: Selection;
  /** Of a source that lists its tags once. */
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly onNotice: (notice: Notice) => void;
}

interface NamedTag {
  readonly origin: RepositoryReference;
  readonly repository: string;
  readonly tag: string;
}

/** What the source has above tags that are named one by one: nothing else of the selection would ever bring it. */
export async function findNewer(options: FindNewerOptions): Promise<readonly NewerTags[]> {
  const { selection } = options;
  const found: NewerTags[] = [];
  for (const { origin, repository, tag } of namedTags(selection)) {
    // A proxy has no list
    const isProxied = selection.proxyRegistry && origin.registry === selection.source?.registry;
    if (isProxied || whyLeftOut(origin, selection.repositories) !== undefined) continue;
    const tags = await listTags(origin, options);
    const newer = newerTags(tag, tags).filter((one) => !excludingPolicy(one, selection));
    if (newer.length === 0) continue;
    found.push({ repository, tag, newer, source: formatReference({ ...origin, tag }) });
  }
  return found;
}

/** What is only told must not end a look: that it is not known is told as well. */
async function listTags(
  origin: RepositoryReference,
  { openSource, onNotice, signal }: FindNewerOptions,
): Promise<readonly string[]> {
  const tags: string[] = [];
  try {
    for await (const tag of openSource(origin).listTags({ signal })) tags.push(tag);
    return tags;
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof MirrorError)) throw error;
    const name = formatReference(origin);
    const message = `Whether "${name}" has newer versions than those that are named is not known: ${error.message}`;
    onNotice({ code: "TAG_LIST_MISSING", message });
    return [];
  }
}

function namedTags(selection: Selection): readonly NamedTag[] {
  const { source, images, charts = [] } = selection;
  const named = [
    ...images.flatMap((image) => [...tagsOf(image.filter), ...tagOf(image)].map(inImage(image))),
    ...charts.flatMap((chart) =>
      chart.from === "registry" ? tagsOf(chart.filter).map(inImage(chart)) : [],
    ),
  ];
  if (source === undefined) return named;
  const members = [MODULES, PACKAGES].flatMap((family) => {
    const catalog = family.catalogOf({ ...selection, source });
    return family.wishesOf(selection).include.flatMap(({ name, filter }) =>
      tagsOf(filter).map((tag) => ({
        origin: joinRepository(catalog, name),
        repository: `${family.directory}/${name}`,
        tag,
      })),
    );
  });
  return [...named, ...members];
}

function inImage({ reference: { registry, repository } }: ImageSelector) {
  const origin = { registry, repository };
  return (tag: string): NamedTag => ({ origin, repository: targetPathOf(origin), tag });
}

/** A range or a policy brings newer versions by itself. */
function tagsOf(filter: VersionFilter): readonly string[] {
  return filter.kind === "exact" ? exactPinsOf(filter).map(({ tag }) => tag) : [];
}

/** Who names a digest wants no other. */
function tagOf({ reference: { tag, digest }, filter }: ImageSelector): readonly string[] {
  return filter.kind === "default" && tag !== undefined && digest === undefined ? [tag] : [];
}
