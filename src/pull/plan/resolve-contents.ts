import { createMadeSource } from "../../artifacts/made-source.ts";
import { cacheSources } from "../../cache/cached-source.ts";
import { cacheWeb } from "../../cache/cached-web.ts";
import type { ContentCache } from "../../cache/content-cache.ts";
import type { Records } from "../../cache/user/record-cache.ts";
import { compareTexts } from "../../compare-texts.ts";
import type {
  ExtraFile,
  ImageContents,
  LayoutContents,
  PackageContents,
} from "../../contents/contents.ts";
import { type Failure, isImageFailure, toFailure } from "../../failure.ts";
import { COSIGN_SUFFIXES } from "../../oci/cosign-tag.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import { isWantedType, typesOf } from "../../oci/referrer-types.ts";
import { joinSignals } from "../../run/batch.ts";
import { mapLimited } from "../../run/map-limited.ts";
import type { Selection } from "../../selection/grammar/selection.ts";
import type { NamedChartImage } from "../../selection/resolve/charts/resolve-chart-images.ts";
import type { Exclusion } from "../../selection/resolve/exclusion.ts";
import { resolveSelection } from "../../selection/resolve/resolve.ts";
import type { Root } from "../../selection/resolve/root.ts";
import type { OperationOptions, SourceRepository, WebSource } from "../../store/store.ts";
import type { PullEvent } from "../events.ts";
import { countedSources } from "./counted-sources.ts";
import { describeRoot, nameOfRoot } from "./describe-root.ts";
import { type FoundReferrer, findReferrers } from "./find-referrers.ts";
import { mergePlaced, type PlacedImage } from "./placed-image.ts";
import { rememberLists } from "./remembered-lists.ts";
import { TagSets } from "./tag-sets.ts";

/** How contents are found, whatever is asked for. */
export interface ResolvingOptions extends OperationOptions {
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly web?: WebSource | undefined;
  readonly cache: ContentCache;
  /** What earlier looks at layers have found. */
  readonly records?: Records | undefined;
  /** Where what is known of tags is kept for later runs; default: nowhere. */
  readonly tagsDirectory?: string | undefined;
  readonly onEvent: (event: PullEvent) => void;
  /** Told of each image when it is known what it consists of. */
  readonly onImage?: ((image: ImageContents) => void) | undefined;
}

export interface ResolveContentsOptions extends ResolvingOptions {
  readonly selection: Selection;
}

/** Requests at once while resolving: small answers, where the round trip is what costs. */
const CONCURRENCY = 12;

export interface ResolvedContents {
  readonly contents: readonly PackageContents[];
  readonly extraFiles: readonly ExtraFile[];
  /** What is left out because the selection says so, with the reason. */
  readonly exclusions: readonly Exclusion[];
  /** Images that cannot be had; the others are not affected. */
  readonly failures: readonly Failure[];
  /** Images that charts name, taken or not. */
  readonly chartImages: readonly NamedChartImage[];
  /** What had to be fetched to find out; it is in the cache. */
  readonly fetched: ReadonlySet<Digest>;
}

/** Wishes → what the bundle will hold, in its final order. */
export async function resolveContents(options: ResolveContentsOptions): Promise<ResolvedContents> {
  const { selection, cache, onEvent, records } = options;
  const signal = joinSignals(options.signal);
  const fetched = new Set<Digest>();
  const onBytes = (bytes: number) => onEvent({ type: "resolving-progress", bytes });
  const onFetched = (digest: Digest) => void fetched.add(digest);
  const counted = countedSources(options.openSource, onBytes);
  const openSource = rememberLists(cacheSources(counted, cache, onFetched));
  const web = options.web && cacheWeb(options.web, { cache, records, onBytes, onFetched });
  const resolved = await resolveSelection(selection, {
    openSource,
    web,
    signal,
    concurrency: CONCURRENCY,
    records,
    tagsDirectory: options.tagsDirectory,
    onNotice: (code, message) => onEvent({ type: "notice", code, message }),
    onResolving: (reference) => onEvent({ type: "resolving", reference }),
  });
  const { roots, files, exclusions } = resolved;
  const failures: Failure[] = [...resolved.failures];
  const tagSets = new TagSets();
  const describe = async (root: Root): Promise<PlacedImage[]> => {
    try {
      const { made, manifest, origin } = root;
      const source = made ? createMadeSource(manifest, made) : openSource(origin);
      return await describeAll(root, source, { ...options, tagSets, signal });
    } catch (error) {
      if (!isImageFailure(error)) throw error;
      failures.push(toFailure(error, nameOfRoot(root)));
      return [];
    }
  };
  const wanted = roots.filter((root) => isWanted(root, selection));
  const placed = await mapLimited(wanted, CONCURRENCY, describe);
  return {
    contents: groupPackages(mergePlaced(placed.flat())),
    extraFiles: files,
    exclusions,
    failures,
    chartImages: resolved.chartImages,
    fetched,
  };
}

/** What was chosen by its type: what the selection takes for belonging to an image is chosen so too. */
function isWanted({ manifest, subject }: Root, { referrerTypes }: Selection): boolean {
  if (subject === undefined) return true;
  const { digest, mediaType } = manifest.descriptor;
  return isWantedType(referrerTypes, typesOf(parseManifest(manifest.bytes, mediaType, digest)));
}

/** An image with all that belongs to it. */
async function describeAll(
  root: Root,
  source: SourceRepository,
  options: ResolveContentsOptions & { readonly tagSets: TagSets },
): Promise<PlacedImage[]> {
  const { selection, tagSets, signal, onEvent } = options;
  const image = await describeRoot(root, source, options);
  options.onImage?.(image);
  if (selection.skipReferrers) return [{ root, image }];
  // Of what the product publishes, attestations are the selection's to take
  const takesAttestations = selection.vex || root.packageKind === "images";
  const isProxied = selection.proxyRegistry && root.origin.registry === selection.source?.registry;
  const followers = await findReferrers({
    name: nameOfRoot(root),
    image,
    source,
    listTags: async () =>
      isProxied ? undefined : await tagSets.of(root.origin, source, { signal }),
    types: selection.referrerTypes,
    suffixes: COSIGN_SUFFIXES.filter((suffix) => suffix !== "att" || takesAttestations),
    describe: (found) => describeRoot(toRoot(found, root), source, options),
    onNotice: (notice) => onEvent({ type: "notice", ...notice }),
    signal,
  });
  const placed = followers.map(({ found, image: own }) => ({
    root: toRoot(found, root),
    image: own,
  }));
  return [{ root, image }, ...placed];
}

/** In the place of what it belongs to. */
function toRoot({ manifest, subject, kind, tag }: FoundReferrer, of: Root): Root {
  const { pointsAt: _, ...root } = of;
  const tags = tag === undefined ? [] : [tag];
  const reference = tag ?? manifest.descriptor.digest;
  return { ...root, tags, kind, subject, reference, manifest };
}

/**
 * A chart or a signature among images keeps runtimes from loading all of them: what nobody can run lies apart, and so does
 * what runs on Windows where others run on Linux.
 */
function placeOf(
  { root, image }: PlacedImage,
  isForLinux: boolean,
): Pick<PackageContents, "name" | "kind"> {
  const { archive } = image;
  const isLoaded = archive !== undefined && (archive.os === undefined || !isForLinux);
  return root.packageKind === "images" && !isLoaded
    ? { name: "artifacts", kind: "artifacts" }
    : { name: root.packageName, kind: root.packageKind };
}

function groupPackages(placed: readonly PlacedImage[]): PackageContents[] {
  const isForLinux = placed.some(({ image: { archive } }) => archive && archive.os === undefined);
  const packages = groupBy(placed, (one) => placeOf(one, isForLinux).name);
  return [...packages].sort(byKey).flatMap(([, members]) => {
    const [first] = members;
    return first ? [{ ...placeOf(first, isForLinux), layouts: groupLayouts(members) }] : [];
  });
}

function groupLayouts(placed: readonly PlacedImage[]): LayoutContents[] {
  const layouts = groupBy(placed, ({ root }) => root.layout);
  return [...layouts].sort(byKey).map(([path, members]) => ({
    path,
    images: members.map(({ image }) => image).sort(byName),
  }));
}

function groupBy<Value>(
  values: readonly Value[],
  keyOf: (value: Value) => string,
): Map<string, Value[]> {
  const groups = new Map<string, Value[]>();
  for (const value of values) {
    const group = groups.get(keyOf(value));
    if (group) group.push(value);
    else groups.set(keyOf(value), [value]);
  }
  return groups;
}

function byKey([left]: readonly [string, unknown], [right]: readonly [string, unknown]): number {
  return compareTexts(left, right);
}

function byName(left: ImageContents, right: ImageContents): number {
  const key = (image: ImageContents) =>
    `${image.repository}\0${image.tags[0] ?? ""}\0${image.root.digest}`;
  return compareTexts(key(left), key(right));
}
