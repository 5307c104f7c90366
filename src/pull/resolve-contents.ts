import pLimit from "p-limit";
import { cacheSources } from "../cache/cached-source.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import type { Records } from "../cache/record-cache.ts";
import { compareTexts } from "../compare-texts.ts";
import type {
  ExtraFile,
  ImageContents,
  LayoutContents,
  PackageContents,
} from "../contents/contents.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import { type Digest, isDigest, parseDigest } from "../oci/digest.ts";
import { ContentInvalidError } from "../oci/errors.ts";
import { parseManifest } from "../oci/manifest.ts";
import { formatPlatform } from "../oci/platform.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import { joinSignals } from "../run/batch.ts";
import { isWantedType } from "../selection/grammar/referrer-types.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import { resolveSelection } from "../selection/resolve/resolve.ts";
import type { Root } from "../selection/resolve/root.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import { countedSources } from "./counted-sources.ts";
import type { PullEvent } from "./events.ts";
import { findReferrers, mergePlaced, type PlacedImage } from "./find-referrers.ts";
import { type ImageGraph, walkImage } from "./image-graph.ts";
import { typesOf } from "./referrer-kind.ts";
import { rememberLists } from "./remembered-lists.ts";

export interface ResolveContentsOptions extends OperationOptions {
  readonly selection: Selection;
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly cache: ContentCache;
  /** What earlier looks at layers have found. */
  readonly records?: Records | undefined;
  readonly onEvent: (event: PullEvent) => void;
}

/** Requests at once while resolving: small answers, where the round trip is what costs. */
const CONCURRENCY = 12;

export interface ResolvedContents {
  readonly contents: readonly PackageContents[];
  readonly extraFiles: readonly ExtraFile[];
  /** Images that cannot be had; the others are not affected. */
  readonly failures: readonly Failure[];
  /** What had to be fetched to find out; it is in the cache. */
  readonly fetched: ReadonlySet<Digest>;
}

/** Wishes → what the bundle will hold, in its final order. */
export async function resolveContents(options: ResolveContentsOptions): Promise<ResolvedContents> {
  const { selection, cache, onEvent } = options;
  const signal = joinSignals(options.signal);
  const fetched = new Set<Digest>();
  const counted = countedSources(options.openSource, (bytes) =>
    onEvent({ type: "resolving-progress", bytes }),
  );
  const openSource = rememberLists(cacheSources(counted, cache, (digest) => fetched.add(digest)));
  const { roots, files } = await resolveSelection(selection, {
    openSource,
    signal,
    concurrency: CONCURRENCY,
    records: options.records,
    onNotice: (code, message) => onEvent({ type: "notice", code, message }),
    onResolving: (reference) => onEvent({ type: "resolving", reference }),
  });
  const limit = pLimit(CONCURRENCY);
  const failures: Failure[] = [];
  const describe = async (root: Root): Promise<PlacedImage[]> => {
    try {
      const source = openSource(root.origin);
      return await describeAll(root, source, { ...options, signal });
    } catch (error) {
      if (!isSingleFailure(error)) throw error;
      failures.push(toFailure(error, nameOf(root)));
      return [];
    }
  };
  const wanted = roots.filter((root) => isWanted(root, selection));
  const placed = await Promise.all(wanted.map((root) => limit(() => describe(root))));
  return {
    contents: groupPackages(mergePlaced(placed.flat())),
    extraFiles: files,
    failures,
    fetched,
  };
}

/** Failures of one image that say nothing about the next one; any other ends the run. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "CONTENT_MISSING",
  "REGISTRY_DENIED",
  "REGISTRY_NOT_FOUND",
  "REGISTRY_REFUSED",
]);

function isSingleFailure(error: unknown): error is MirrorError {
  return error instanceof MirrorError && SINGLE_FAILURES.has(error.code);
}

/** The image as its user knows it: by tag where there is one, else with what asks for it. */
function nameOf({ origin, reference, tags, packageKind, packageName }: Root): string {
  if (!isDigest(reference)) return formatReference({ ...origin, tag: reference });
  const tag = tags.find((other) => !reference.endsWith(`:${other}`));
  const name = formatReference({ ...origin, ...(tag ? { tag } : {}), digest: reference });
  return packageKind === "images" ? name : `${name} of ${packageName}`;
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
  options: ResolveContentsOptions,
): Promise<PlacedImage[]> {
  const { selection, signal, onEvent } = options;
  const image = await describeImage(root, source, options);
  const followers = await findReferrers({
    name: nameOf(root),
    root,
    image,
    source,
    selection,
    describe: (found) => describeImage(found, source, options),
    onNotice: (notice) => onEvent({ type: "notice", ...notice }),
    signal,
  });
  return [{ root, image }, ...followers];
}

async function describeImage(
  root: Root,
  source: SourceRepository,
  { selection, cache, onEvent, signal }: ResolveContentsOptions,
): Promise<ImageContents> {
  const { origin, reference, manifest } = root;
  const name = nameOf(root);
  const { subject } = root;
  // Without some of its platforms, an image has another digest
  const isPinned = isDigest(reference);
  const graph = await walkImage({
    source,
    root: manifest,
    // What belongs to an image is taken as it is
    platforms: isPinned || subject !== undefined ? [] : selection.platforms,
    skipMissingAttestations: selection.skipMissingAttestations,
    skipForeignLayers: selection.skipForeignLayers,
    name,
    signal,
  });
  for (const notice of noticesOf(graph, root, selection)) onEvent({ type: "notice", ...notice });
  for (const { digest, text } of graph.rewritten) await cache.write(digest, Buffer.from(text));
  const isRewritten = graph.root.digest !== manifest.descriptor.digest;
  return {
    repository: root.repository,
    tags: tagsOf(root, graph.root.digest),
    root: graph.root,
    kind: root.kind,
    ...(subject === undefined ? {} : { subject }),
    source: formatReference({
      ...origin,
      ...(isPinned ? { digest: reference } : { tag: reference }),
    }),
    platforms: graph.platforms,
    documents: graph.documents,
    layers: graph.layers,
    origin,
    ...(isRewritten ? { sourceDigest: manifest.descriptor.digest } : {}),
    ...(graph.rewritten.length > 0 ? { rewritten: graph.rewritten } : {}),
    ...(graph.omitted.length > 0 ? { omitted: graph.omitted } : {}),
    ...(graph.archive && isRunnable(root) ? { archive: graph.archive } : {}),
  };
}

function isRunnable({ packageKind, subject }: Root): boolean {
  return packageKind === "images" && subject === undefined;
}

/** The tag that stands for the digest of an image is that of the image as it is in the bundle. */
function tagsOf({ tags, manifest }: Root, digest: Digest): string[] {
  const was = parseDigest(manifest.descriptor.digest).encoded;
  return tags.map((tag) => (tag === was ? parseDigest(digest).encoded : tag)).sort();
}

/** What was not done as it was asked for, and what is missing because it was asked for. */
function noticesOf(graph: ImageGraph, root: Root, { platforms }: Selection): Notice[] {
  const name = nameOf(root);
  const wanted = platforms.map(formatPlatform).join(", ");
  const notices: Notice[] = [];
  if (graph.otherPlatform !== undefined) {
    const reason = `it is for ${graph.otherPlatform}, not for ${wanted}`;
    if (root.packageKind === "images") throw new ContentInvalidError(`image "${name}"`, reason);
    const isContent = root.kind === "image" || root.kind === "extra";
    const message = `"${name}" is taken although ${reason}: it is part of ${root.packageName}`;
    if (isContent) notices.push({ code: "PLATFORM_KEPT", message });
  }
  const isAsked = isDigest(root.reference) && root.subject === undefined;
  if (isAsked && platforms.length > 0 && graph.platforms.length > 1) {
    const message = `"${name}" keeps all its platforms: without them its digest would change`;
    notices.push({ code: "PLATFORMS_KEPT", message });
  }
  const missing = graph.omitted.filter(({ kind }) => kind === "missing-attestation");
  for (const { reason, digest } of missing) {
    const change = `${root.manifest.descriptor.digest} becomes ${graph.root.digest}`;
    const message = `"${name}" is taken without ${digest}: ${reason}; ${change}`;
    notices.push({ code: "ATTESTATION_MISSING", message });
  }
  for (const { kind, digest, reason } of graph.omitted) {
    if (kind !== "foreign-layer") continue;
    const message = `"${name}" is taken without layer ${digest}: ${reason}`;
    notices.push({ code: "FOREIGN_LAYER_LEFT_OUT", message });
  }
  return notices;
}

/** A chart or a signature among images keeps runtimes from loading all of them: what nobody can run lies apart. */
function placeOf({ root, image }: PlacedImage): Pick<PackageContents, "name" | "kind"> {
  const isArtifact = root.packageKind === "images" && image.archive === undefined;
  return isArtifact
    ? { name: "artifacts", kind: "artifacts" }
    : { name: root.packageName, kind: root.packageKind };
}

function groupPackages(placed: readonly PlacedImage[]): PackageContents[] {
  const packages = groupBy(placed, (one) => placeOf(one).name);
  return [...packages].sort(byKey).flatMap(([, members]) => {
    const [first] = members;
    return first ? [{ ...placeOf(first), layouts: groupLayouts(members) }] : [];
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
