import pLimit from "p-limit";
import { allSettledOrThrow } from "../../all-settled.ts";
import { isAttestation } from "../../oci/attestation.ts";
import { isForeignLayer } from "../../oci/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { countConfigLayers, parseConfigPlatform } from "../../oci/image-config.ts";
import { isImageConfigType, MANIFEST_LIMIT_BYTES } from "../../oci/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../oci/platform.ts";
import { readContent } from "../../store/read-content.ts";
import type { ContentSource, Manifest, OperationOptions } from "../../store/store.ts";
import { type WalkedGraph, type WalkedManifest, walkGraph } from "../../store/walk.ts";
import type { ConfigFacts } from "./choose-archive.ts";
import { hasPlatform, type PartPlan, planParts, selectWanted } from "./plan-parts.ts";

export interface ChoosePartsOptions extends OperationOptions {
  /** The image as its user knows it. */
  readonly subject: string;
  readonly root: Manifest;
  /** Bytes of a manifest; undefined for an attestation that the source does not have. */
  readonly read: (target: Descriptor) => Promise<Buffer | undefined>;
  /** Where configs are read. */
  readonly source: ContentSource;
  /** Platforms to keep; empty = all. */
  readonly platforms: readonly Platform[];
  /** Whether to read what configs say even where all platforms are kept: a request for each such image. */
  readonly readsConfigs?: boolean | undefined;
}

export interface ImageParts extends Pick<PartPlan, "rewritten" | "omitted" | "platforms"> {
  /** What is kept; its root is another one where something was left out. */
  readonly graph: WalkedGraph;
  /** Of an image without an index: what it runs on, if that is none of the platforms that are asked for. */
  readonly otherPlatform?: string | undefined;
  readonly configs: ConfigFacts;
}

/** Configs that are read at once. */
const CONCURRENCY = 4;

/**
 * Leaves out what is for other platforms, wherever in the index it is, and attestations that the source does not have.
 * Entries that do not tell their platform are judged by the config of the image; what has no platform by nature (charts,
 * bills of materials and other artifacts) stays.
 */
export async function chooseParts(options: ChoosePartsOptions): Promise<ImageParts> {
  const { root, subject, platforms, read, signal } = options;
  const missing = new Set<Digest>();
  const survey = await walkGraph(root.descriptor, {
    subject,
    read: async (target) => {
      const bytes = await read(target);
      if (bytes === undefined) missing.add(target.digest);
      return bytes;
    },
    select: (children) => selectWanted(children, platforms),
    signal,
  });
  const configs = await readConfigs(survey, options);
  const configPlatforms = configs.platforms;
  const own = configPlatforms.get(root.descriptor.digest);
  const isOther =
    platforms.length > 0 && !platforms.some((one) => own && matchesPlatform(one, own));
  if (own !== undefined && isOther) {
    const whole = { graph: survey, rewritten: new Map(), omitted: [], platforms: [] };
    return { ...whole, configs, otherPlatform: formatPlatform(own) };
  }
  const plan = planParts(survey, { platforms, configPlatforms, missing });
  refuseUnmet(plan, subject);
  if (plan.rewritten.size === 0) return { ...plan, configs, graph: survey };
  const held = new Map(survey.manifests.map(({ descriptor, bytes }) => [descriptor.digest, bytes]));
  const graph = await walkGraph(plan.root, {
    subject,
    read: async ({ digest }) => plan.rewritten.get(digest) ?? held.get(digest),
    signal,
  });
  return { ...plan, configs, graph };
}

function refuseUnmet({ unmet, available, root }: PartPlan, subject: string): void {
  const [first] = unmet;
  if (first !== undefined) {
    throw new ContentInvalidError(subject, `it has no platform "${formatPlatform(first)}"`, {
      hint: `Choose from its platforms: ${available.join(", ")}`,
    });
  }
  if (root.size === 0) throw new ContentInvalidError(subject, "nothing of it would be left");
}

/**
 * What configs say: of all images if that is asked for, else of those whose entry in the index, or lack of one, does not tell
 * what they run on. Unasked, a request is only worth it for those that are likely not for Linux: images of Windows have
 * layers that are fetched from elsewhere.
 */
async function readConfigs(
  survey: WalkedGraph,
  { source, root, platforms: wanted, readsConfigs = false, signal }: ChoosePartsOptions,
): Promise<ConfigFacts> {
  const isAsked = wanted.length > 0 || readsConfigs;
  const untold = new Set([root.descriptor.digest, ...survey.manifests.flatMap(untoldChildren)]);
  const platforms = new Map<Digest, Platform>();
  const layerCounts = new Map<Digest, number>();
  const due = survey.manifests.flatMap(({ descriptor: { digest }, document }) => {
    if (document.kind !== "manifest" || !(readsConfigs || untold.has(digest))) return [];
    const { config, layers } = document;
    const isRead = isAsked || layers.some(isForeignLayer);
    const isConfig = isImageConfigType(config.mediaType) && config.size <= MANIFEST_LIMIT_BYTES;
    return isRead && isConfig ? [{ digest, config }] : [];
  });
  // Most images need none: for those, the means of reading them are most of the work
  if (due.length === 0) return { platforms, layerCounts };
  const limit = pLimit(CONCURRENCY);
  const reading = due.map(({ digest, config }) =>
    limit(async () => {
      const bytes = await readContent(source, config, { signal });
      const [platform, count] = [parseConfigPlatform(bytes), countConfigLayers(bytes)];
      if (platform && untold.has(digest)) platforms.set(digest, platform);
      if (count !== undefined) layerCounts.set(digest, count);
    }),
  );
  await allSettledOrThrow(reading);
  return { platforms, layerCounts };
}

function untoldChildren({ document }: WalkedManifest): Digest[] {
  if (document.kind !== "index") return [];
  const untold = document.manifests.filter((child) => !hasPlatform(child) && !isAttestation(child));
  return untold.map(({ digest }) => digest);
}
