import type { ChartImages } from "../../../artifacts/chart-images.ts";
import { ContentInvalidError } from "../../../oci/errors.ts";
import { type ImageIndex, type ManifestDocument, parseManifest } from "../../../oci/manifest.ts";
import { isManifestType, MEDIA_TYPE } from "../../../oci/media-type.ts";
import { formatReference, type RepositoryReference } from "../../../oci/reference.ts";
import type { Manifest } from "../../../store/store.ts";
import { parseConstraint } from "../../../versions/constraint.ts";
import { parseImageVersion } from "../../../versions/tag-version.ts";
import { createRangeFilter } from "../../grammar/range-filter.ts";
import type { Selection, VersionFilter } from "../../grammar/selection.ts";
import { isListing, selectTags } from "../../grammar/version-filter.ts";
import type { AttemptOne } from "../attempt-one.ts";
import { chooseTags, excludingPolicy } from "../choose-tags.ts";
import type { Root } from "../root.ts";
import { formatFound, type SourceReader } from "../source-reader.ts";
import type { ChartRepository } from "./chart-repository.ts";

/** A chart that is taken. */
export interface ResolvedChart {
  readonly root: Root;
  /** The manifests of charts: the root itself, or those that lie in it beside an image. */
  readonly manifests: readonly Manifest[];
  /** The images that it names, where they are asked for and its archive was read. */
  readonly found?: ChartImages | undefined;
}

export interface ChartContext {
  readonly selection: Selection;
  readonly reader: SourceReader;
  readonly attempt: AttemptOne;
  /** Each is read once, however many charts are taken from it. */
  readonly readRepository: (address: string) => Promise<ChartRepository>;
}

/** Archives in memory at once. */
export const CHARTS_AT_ONCE = 4;

export const ANY_RELEASE = createRangeFilter(parseConstraint("*"));

export interface ChooseVersionsOptions {
  readonly selection: Selection;
  readonly reader: SourceReader;
}

/** The versions that a filter takes and no limit leaves out; without one, as Helm does, the highest that is no pre-release. */
export async function chooseVersions(
  place: RepositoryReference,
  { tags, filter }: { readonly tags: readonly string[]; readonly filter: VersionFilter },
  { selection, reader }: ChooseVersionsOptions,
): Promise<readonly string[]> {
  const parse = parseImageVersion;
  if (isListing(filter))
    return await chooseTags(place, { tags, filter }, { selection, reader, parse });
  if (filter.kind === "exact") {
    return selectTags(tags, filter, { parse }).filter((tag) => {
      const reason = excludingPolicy(tag, selection);
      if (reason !== undefined) reader.exclude({ repository: formatReference(place), tag, reason });
      return reason === undefined;
    });
  }
  // One is taken anyway, whatever of more there would be
  const limits = { ...selection.tags, latest: undefined };
  const options = { selection: { ...selection, tags: limits }, reader, parse };
  return (await chooseTags(place, { tags, filter: ANY_RELEASE }, options)).slice(-1);
}

/** A chart by its config, or an index with one, as Helm takes it: what else lies under the name is an error. */
export async function toChart(root: Root, reader: SourceReader): Promise<ResolvedChart> {
  const document = documentOf(root.manifest);
  if (isChart(document)) return { root: { ...root, kind: "chart" }, manifests: [root.manifest] };
  const manifests = document.kind === "index" ? await chartsIn(document, root, reader) : [];
  if (manifests.length > 0) return { root, manifests };
  const type = document.kind === "manifest" ? document.config.mediaType : document.mediaType;
  const reason = `it is no Helm chart, but "${type}"`;
  throw new ContentInvalidError(`chart "${chartName(root)}"`, reason, {
    hint: "Take it as an image if it is none",
  });
}

/** The charts of an index: those that it calls so, and those among what has no platform. */
async function chartsIn(
  { manifests }: ImageIndex,
  { origin }: Root,
  reader: SourceReader,
): Promise<readonly Manifest[]> {
  const mayBe = manifests.filter(({ artifactType, mediaType, platform }) => {
    const isPlain = platform === undefined || platform.os === "unknown";
    return isManifestType(mediaType) && (artifactType === MEDIA_TYPE.chartConfig || isPlain);
  });
  const found = await Promise.all(
    // What the source lacks fails with the image that it is a part of
    mayBe.map(({ digest }) => reader.findManifest(origin, digest)),
  );
  return found.filter((one) => one !== undefined && isChart(documentOf(one))) as Manifest[];
}

function documentOf({ bytes, descriptor }: Manifest): ManifestDocument {
  return parseManifest(bytes, descriptor.mediaType, descriptor.digest);
}

function isChart(document: ManifestDocument): boolean {
  return document.kind === "manifest" && document.config.mediaType === MEDIA_TYPE.chartConfig;
}

export function chartName({ origin, reference }: Root): string {
  return formatFound(origin, reference);
}
