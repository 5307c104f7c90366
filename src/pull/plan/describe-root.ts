import type { ContentCache } from "../../cache/content-cache.ts";
import type { ImageContents } from "../../contents/contents.ts";
import type { Notice } from "../../notice.ts";
import { type Digest, isDigest, parseDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import { formatPlatform } from "../../oci/platform.ts";
import { formatReference } from "../../oci/reference.ts";
import type { Selection } from "../../selection/grammar/selection.ts";
import type { Root } from "../../selection/resolve/root.ts";
import type { OperationOptions, SourceRepository } from "../../store/store.ts";
import type { PullEvent } from "../events.ts";
import { type ImageGraph, walkImage } from "./image-graph.ts";

/** What a selection says about the parts of each image. */
export type PartWishes = Pick<
  Selection,
  "platforms" | "skipMissingAttestations" | "skipForeignLayers"
>;

export interface DescribeRootOptions extends OperationOptions {
  readonly selection: PartWishes;
  /** Attestations that are left out as if the source did not have them. */
  readonly leftOut?: ReadonlySet<Digest> | undefined;
  readonly cache: ContentCache;
  readonly onEvent: (event: PullEvent) => void;
}

/** A root with everything below it, as the bundle will have it. */
export async function describeRoot(
  root: Root,
  source: SourceRepository,
  { selection, leftOut, cache, onEvent, signal }: DescribeRootOptions,
): Promise<ImageContents> {
  const { origin, reference, manifest } = root;
  const name = nameOfRoot(root);
  const { subject } = root;
  // Without some of its platforms, an image has another digest
  const isPinned = isDigest(reference);
  const graph = await walkImage({
    source,
    root: manifest,
    // What belongs to an image is taken as it is
    platforms: isPinned || subject !== undefined ? [] : selection.platforms,
    leftOut,
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
    kind: isChart(graph) && root.kind === "image" ? "chart" : root.kind,
    ...(subject === undefined ? {} : { subject }),
    source: formatReference({
      ...origin,
      ...(isPinned ? { digest: reference } : { tag: reference }),
    }),
    platforms: graph.platforms,
    documents: graph.documents,
    layers: graph.layers,
    origin,
    ...(root.made ? { made: root.made } : {}),
    ...(isRewritten ? { sourceDigest: manifest.descriptor.digest } : {}),
    ...(graph.rewritten.length > 0 ? { rewritten: graph.rewritten } : {}),
    ...(graph.omitted.length > 0 ? { omitted: graph.omitted } : {}),
    ...(graph.archive && isRunnable(root) ? { archive: graph.archive } : {}),
  };
}

/** The image as its user knows it: by tag where there is one, else with what asks for it. */
export function nameOfRoot({ origin, reference, tags, packageKind, packageName }: Root): string {
  if (!isDigest(reference)) return formatReference({ ...origin, tag: reference });
  const tag = tags.find((other) => !reference.endsWith(`:${other}`));
  const name = formatReference({ ...origin, ...(tag ? { tag } : {}), digest: reference });
  return packageKind === "images" ? name : `${name} of ${packageName}`;
}

function isChart({ documents }: ImageGraph): boolean {
  return documents[1]?.mediaType === MEDIA_TYPE.chartConfig;
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
function noticesOf(graph: ImageGraph, root: Root, { platforms }: PartWishes): Notice[] {
  const name = nameOfRoot(root);
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
