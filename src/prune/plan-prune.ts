import { checkOptions } from "../check-options.ts";
import { compareTexts } from "../compare-texts.ts";
import { MirrorError, OptionInvalidError } from "../errors.ts";
import type { Notice } from "../notice.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { parseModulesPath } from "../product/modules-path.ts";
import { isMissing } from "../store/errors.ts";
import { isFallbackTag } from "../target/fallback-tag.ts";
import { listBelow } from "../target/list-below.ts";
import { readTags } from "../target/read-tags.ts";
import { referenceBelow } from "../target/target.ts";
import { PruneUnlistedError } from "./errors.ts";
import { type HeldManifest, type Inventory, readInventory } from "./inventory.ts";
import { keepBundle, keepLock } from "./keep-bundles.ts";
import { keepChannels } from "./keep-channels.ts";
import { keepPolicies } from "./keep-policies.ts";
import { Kept, type KeptRepository } from "./kept.ts";
import { neededBy } from "./needed.ts";
import {
  PRUNE_LIST_MEDIA_TYPE,
  type PruneEntry,
  type PruneKind,
  type PruneList,
} from "./prune-list.ts";
import type { PlanPruneOptions } from "./prune-options.ts";
import { canonicalPath, isGuarded, nameOfPart, partOf } from "./target-parts.ts";

/** What nothing kept needs, as a list to be read; deletes nothing. */
export async function planPrune(options: PlanPruneOptions): Promise<PruneList> {
  checkPlanOptions(options);
  try {
    return await makeList(options);
  } catch (error) {
    if (!(error instanceof MirrorError) || error.code !== "TAG_LIST_UNSUPPORTED") throw error;
    throw new PruneUnlistedError(formatReference(options.target), error.message, { cause: error });
  }
}

async function makeList(options: PlanPruneOptions): Promise<PruneList> {
  const { target } = options;
  const notices: Notice[] = [];
  const onNotice = (notice: Notice) => {
    notices.push(notice);
    options.onNotice?.(notice);
  };
  const modulesPath = parseModulesPath(options.modulesPathSuffix);
  const { kept, paths } = await findKept({ ...options, onNotice, modulesPath });
  const judgement: Judgement = { deletes: [], needed: new Map(), freed: new Map(), rootCount: 0 };
  for (const path of paths) {
    const inventory = await inventoryOf(path, { ...options, onNotice });
    if (inventory?.tags.size === 0) await refuseUnlisted(path, kept.of(path), options);
    if (inventory !== undefined) judge(path, inventory, { kept, judgement });
  }
  const { deletes, needed, freed, rootCount } = judgement;
  if (rootCount === 0 && deletes.length > 0) throw nothingKept(options);
  const freedBytes = [...freed].filter(([digest]) => !needed.has(digest));
  return {
    schemaVersion: 1,
    mediaType: PRUNE_LIST_MEDIA_TYPE,
    target: formatReference(target),
    keeps: keepsOf(options),
    modulesPath,
    deletes: deletes.sort(byPlace),
    totals: {
      repositories: new Set(deletes.map(({ repository }) => repository)).size,
      manifests: deletes.length,
      tags: deletes.reduce((sum, { tags }) => sum + tags.length, 0),
      bytes: freedBytes.reduce((sum, [, size]) => sum + size, 0),
    },
    notices,
  };
}

interface Judgement {
  readonly deletes: PruneEntry[];
  /** Content of what stays, and of what goes: digest → size. */
  readonly needed: Map<Digest, number>;
  readonly freed: Map<Digest, number>;
  /** Manifests that are kept by name. */
  rootCount: number;
}

function judge(
  path: string,
  inventory: Inventory,
  { kept, judgement }: { readonly kept: Kept; readonly judgement: Judgement },
): void {
  const { digests, tags } = kept.of(path);
  const tagged = [...inventory.tags].flatMap(([tag, digest]) => (tags.has(tag) ? [digest] : []));
  const roots = [...digests, ...tagged].filter((digest) => inventory.manifests.has(digest));
  judgement.rootCount += roots.length;
  const staying = neededBy(roots, inventory);
  for (const manifest of inventory.manifests.values()) {
    const stays = staying.has(manifest.digest);
    const content = stays ? judgement.needed : judgement.freed;
    for (const [digest, size] of manifest.content) content.set(digest, size);
    if (!stays) judgement.deletes.push(entryOf(path, manifest, inventory));
  }
}

function checkPlanOptions(options: PlanPruneOptions): void {
  checkOptions(options, {
    target: "object",
    openTarget: "function",
    listRepositories: "function",
    keepBundles: "texts?",
    keepLocks: "texts?",
    policies: "texts?",
    modulesPathSuffix: "text?",
    onNotice: "function?",
    signal: "signal?",
  });
  if (keepsOf(options).length > 0) return;
  throw new OptionInvalidError("keepBundles", "nothing says what to keep", {
    hint: "Name the bundles that are to stay, or a policy: without one, everything would go",
  });
}

function keepsOf({ keepBundles = [], keepLocks = [], policies = [] }: PlanPruneOptions): string[] {
  return [
    ...keepBundles.map((path) => `bundle ${path}`),
    ...keepLocks.map((path) => `lock ${path}`),
    ...policies.map((policy) => `policy ${policy}`),
  ];
}

interface FindKeptOptions extends PlanPruneOptions {
  readonly onNotice: (notice: Notice) => void;
  readonly modulesPath: string;
}

/** What stays, and the repositories in which the rest may go. */
async function findKept(
  options: FindKeptOptions,
): Promise<{ readonly kept: Kept; readonly paths: readonly string[] }> {
  const { keepBundles = [], keepLocks = [], policies = [], modulesPath, onNotice } = options;
  const kept = new Kept();
  for (const path of keepBundles) await keepBundle(kept, path, options);
  for (const path of keepLocks) await keepLock(kept, path, options);
  const nameOf = (path: string) => nameOfPart(partOf(canonicalPath(path, modulesPath)));
  // Names of modules are tags of a repository that has no image of them
  const namesOfKept = () => {
    const withImages = kept.paths.filter((path) => kept.of(path).digests.size > 0);
    return new Set(withImages.map(nameOf));
  };
  const named = namesOfKept();
  const all = await listBelow(options, { known: kept.paths, onNotice, signal: options.signal });
  const { latest, newerThan, excludeTags } = options;
  const limits = { latest, newerThan, excludeTags };
  const scope =
    policies.length > 0
      ? await keepPolicies(kept, { ...options, policies, limits, paths: all })
      : new Set<string>();
  const isPolicyOnly = keepBundles.length + keepLocks.length === 0;
  const looked = isPolicyOnly ? all.filter((path) => scope.has(path)) : all;
  await keepChannels(kept, {
    ...options,
    paths: looked,
    parts: namesOfKept(),
    tagsOf: async (path) => {
      const repository = options.openTarget(referenceBelow(options.target, path));
      return (await readTags(repository, { signal: options.signal })).tags.keys();
    },
  });
  const isUntouched = (path: string) =>
    isGuarded(partOf(canonicalPath(path, modulesPath))) && !named.has(nameOf(path));
  for (const name of new Set(looked.filter(isUntouched).map(nameOf))) {
    const message = `The ${name} of the target is left as it is: nothing that is kept names it`;
    onNotice({ code: "PART_UNTOUCHED", message });
  }
  return { kept, paths: looked.filter((path) => !isUntouched(path) && !kept.isWhole(path)) };
}

/** What cannot be read is not judged: nothing of it goes, and that is said. */
async function inventoryOf(
  path: string,
  { target, openTarget, onNotice, signal }: PlanPruneOptions,
): Promise<Inventory | undefined> {
  const reference = referenceBelow(target, path);
  try {
    return await readInventory(openTarget(reference), { signal });
  } catch (error) {
    const isOwn = error instanceof MirrorError && UNREADABLE.has(error.code);
    if (!isOwn) throw error;
    const message = `Nothing of "${formatReference(reference)}" is listed, as it cannot be read: ${error.message}`;
    onNotice?.({ code: "REPOSITORY_UNREADABLE", message });
    return undefined;
  }
}

/** A 404 to a list is said of a repository that is gone, and by some of any list: one tag that is there tells them apart. */
async function refuseUnlisted(
  path: string,
  { tags }: KeptRepository,
  { openTarget, signal, target }: PlanPruneOptions,
): Promise<void> {
  const reference = referenceBelow(target, path);
  const [tag] = tags;
  if (tag === undefined) return;
  try {
    await openTarget(reference).resolve(tag, { signal });
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  const reason = `the registry lists no tags of "${formatReference(reference)}", which has "${tag}"`;
  throw new PruneUnlistedError(formatReference(target), reason);
}

const UNREADABLE: ReadonlySet<string> = new Set([
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "REGISTRY_DENIED",
  "REGISTRY_REFUSED",
]);

function entryOf(repository: string, manifest: HeldManifest, { tags }: Inventory): PruneEntry {
  const { digest } = manifest;
  const own = [...tags].flatMap(([tag, tagged]) => (tagged === digest ? [tag] : []));
  return { repository, digest, kind: kindOf(manifest, own), tags: own };
}

function kindOf({ isIndex, subject }: HeldManifest, tags: readonly string[]): PruneKind {
  if (tags.some(isFallbackTag)) return "referrers-index";
  if (subject !== undefined || tags.some((tag) => parseCosignTag(tag) !== undefined)) {
    return "referrer";
  }
  if (tags.length === 0) return "child";
  return isIndex ? "index" : "image";
}

function byPlace(left: PruneEntry, right: PruneEntry): number {
  const keyOf = ({ repository, tags, digest }: PruneEntry) =>
    [repository, tags[0] ?? "\uffff", digest].join("\0");
  return compareTexts(keyOf(left), keyOf(right));
}

function nothingKept(options: PlanPruneOptions): OptionInvalidError {
  const name = options.policies?.length ? "policies" : "keepBundles";
  const target = formatReference(options.target);
  return new OptionInvalidError(name, `"${target}" has nothing of ${keepsOf(options).join(", ")}`, {
    hint: "Check that it is the target that these were pushed to: everything in it would go",
  });
}
