import { setMaxListeners } from "node:events";
import pLimit from "p-limit";
import { cacheSources } from "../cache/cached-source.ts";
import type { ContentCache } from "../cache/content-cache.ts";
import { compareTexts } from "../compare-texts.ts";
import type {
  ExtraFile,
  ImageContents,
  LayoutContents,
  PackageContents,
} from "../contents/contents.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { Selection } from "../selection/grammar/selection.ts";
import { resolveSelection } from "../selection/resolve/resolve.ts";
import type { Root } from "../selection/resolve/root.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import { countedSources } from "./counted-sources.ts";
import type { PullEvent } from "./events.ts";
import { walkImage } from "./image-graph.ts";

export interface ResolveContentsOptions extends OperationOptions {
  readonly selection: Selection;
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly cache: ContentCache;
  readonly onEvent: (event: PullEvent) => void;
}

/** Requests at once while resolving: small answers, where the round trip is what costs. */
const CONCURRENCY = 12;

export interface ResolvedContents {
  readonly contents: readonly PackageContents[];
  readonly extraFiles: readonly ExtraFile[];
  /** What had to be fetched to find out; it is in the cache. */
  readonly fetched: ReadonlySet<Digest>;
}

/** Wishes → what the bundle will hold, in its final order. */
export async function resolveContents(options: ResolveContentsOptions): Promise<ResolvedContents> {
  const { selection, cache, onEvent } = options;
  const signal = AbortSignal.any(options.signal ? [options.signal] : []);
  // Every request listens
  setMaxListeners(0, signal);
  const fetched = new Set<Digest>();
  const openSource = cacheSources(
    countedSources(options.openSource, (bytes) => onEvent({ type: "resolving-progress", bytes })),
    cache,
    (digest) => fetched.add(digest),
  );
  const { roots, files } = await resolveSelection(selection, {
    openSource,
    signal,
    concurrency: CONCURRENCY,
    onNotice: (code, message) => onEvent({ type: "notice", code, message }),
    onResolving: (reference) => onEvent({ type: "resolving", reference }),
  });
  const limit = pLimit(CONCURRENCY);
  const images = await Promise.all(
    roots.map((root) =>
      limit(() => describeImage(root, openSource(root.origin), { ...options, signal })),
    ),
  );
  const placed = roots.map((root, index) => ({ root, image: images[index] }));
  return { contents: groupPackages(placed), extraFiles: files, fetched };
}

async function describeImage(
  root: Root,
  source: SourceRepository,
  { selection, cache, onEvent, signal }: ResolveContentsOptions,
): Promise<ImageContents> {
  const isPinned = isDigest(root.reference);
  const reference = formatReference({
    ...root.origin,
    ...(isPinned ? { digest: root.reference } : { tag: root.reference }),
  });
  const { platforms } = selection;
  const graph = await walkImage({ source, root: root.manifest, platforms, reference, signal });
  if (graph.rewritten) await cache.write(graph.root.digest, graph.rewritten);
  else if (isPinned && platforms.length > 0 && graph.platforms.length > 1) {
    const message = `"${reference}" keeps all its platforms: without them its digest would change`;
    onEvent({ type: "notice", code: "PLATFORMS_KEPT", message });
  }
  return {
    repository: root.repository,
    tags: [...root.tags].sort(),
    root: graph.root,
    kind: root.kind,
    source: reference,
    platforms: graph.platforms,
    documents: graph.documents,
    layers: graph.layers,
    origin: root.origin,
    ...(graph.rewritten ? { sourceDigest: root.manifest.descriptor.digest } : {}),
    ...(graph.archive && root.packageKind === "images" ? { archive: graph.archive } : {}),
  };
}

interface PlacedImage {
  readonly root: Root;
  readonly image: ImageContents | undefined;
}

function groupPackages(placed: readonly PlacedImage[]): PackageContents[] {
  const packages = groupBy(placed, ({ root }) => root.packageName);
  return [...packages].sort(byKey).map(([name, members]) => ({
    name,
    kind: members[0]?.root.packageKind ?? "images",
    layouts: groupLayouts(members),
  }));
}

function groupLayouts(placed: readonly PlacedImage[]): LayoutContents[] {
  const layouts = groupBy(placed, ({ root }) => root.layout);
  return [...layouts].sort(byKey).map(([path, members]) => ({
    path,
    images: members.flatMap(({ image }) => image ?? []).sort(byName),
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
    `${image.repository}\0${image.tags[0]}\0${image.root.digest}`;
  return compareTexts(key(left), key(right));
}
