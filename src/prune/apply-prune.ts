import { checkOptions } from "../check-options.ts";
import { compareTexts } from "../compare-texts.ts";
import { type ErrorCode, MirrorError } from "../errors.ts";
import { type Failure, toFailure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { formatReference } from "../oci/reference.ts";
import { holdsReleases } from "../product/layouts.ts";
import { fallbackTagOf } from "../target/fallback-tag.ts";
import { listBelow } from "../target/list-below.ts";
import { referenceBelow } from "../target/target.ts";
import { PruneListInvalidError } from "./errors.ts";
import { findTagsLeft } from "./find-tags-left.ts";
import { type Inventory, readInventory } from "./inventory.ts";
import { keepChannels } from "./keep-channels.ts";
import { Kept } from "./kept.ts";
import { neededBy } from "./needed.ts";
import type { PruneEntry, PruneKind, PruneList } from "./prune-list.ts";
import { type ApplyPruneOptions, PRUNE_MEDIA_TYPE, type PruneSummary } from "./prune-options.ts";
import { canonicalPath, nameOfPart, partOf } from "./target-parts.ts";

/** Failures of one manifest. */
const SINGLE_FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CONTENT_INVALID",
  "CONTENT_MISMATCH",
  "REGISTRY_DENIED",
  "REGISTRY_REFUSED",
]);

/** What points at others goes before these, so that a run that ends early leaves nothing that lacks something. */
const ORDER: readonly PruneKind[] = ["referrers-index", "referrer", "index", "image", "child"];

/**
 * Deletes what a list says, by digest, and nothing else. The target is looked at again before: what is needed by now
 * stays, and is told. A list can be applied again: what is gone is gone.
 */
export async function applyPrune(options: ApplyPruneOptions): Promise<PruneSummary> {
  checkOptions(options, {
    target: "object",
    openTarget: "function",
    listRepositories: "function",
    list: "object",
    onNotice: "function?",
    onDeleted: "function?",
    signal: "signal?",
  });
  const { list, target } = options;
  if (list.target !== formatReference(target)) {
    const reason = `it is not for "${formatReference(target)}"`;
    throw new PruneListInvalidError(list.target, reason);
  }
  const run = new PruneRun(options);
  await run.execute();
  return run.summary();
}

class PruneRun {
  readonly #options: ApplyPruneOptions;
  readonly #listed: ReadonlyMap<string, readonly PruneEntry[]>;
  readonly #deleted: PruneEntry[] = [];
  readonly #kept: (PruneEntry & { reason: string })[] = [];
  readonly #failures: Failure[] = [];
  readonly #notices: Notice[] = [];
  readonly #inventories = new Map<string, Promise<Inventory>>();
  #goneCount = 0;

  constructor(options: ApplyPruneOptions) {
    this.#options = options;
    this.#listed = groupByRepository(options.list);
  }

  async execute(): Promise<void> {
    const channels = await this.#findChannels();
    const isReleases = (path: string) =>
      holdsReleases(canonicalPath(path, this.#options.list.modulesPath));
    const paths = [...this.#listed.keys()].sort(
      (left, right) =>
        Number(isReleases(right)) - Number(isReleases(left)) || compareTexts(left, right),
    );
    for (const path of paths) {
      const inventory = await this.#attempt(path, () => this.#inventoryOf(path));
      if (inventory !== undefined) await this.#prune(path, inventory, channels);
    }
  }

  summary(): PruneSummary {
    return {
      schemaVersion: 1,
      mediaType: PRUNE_MEDIA_TYPE,
      target: this.#options.list.target,
      complete: this.#failures.length === 0,
      deleted: this.#deleted,
      goneCount: this.#goneCount,
      kept: this.#kept,
      failures: this.#failures,
      notices: this.#notices,
    };
  }

  /** Release channels that stay, of what the list takes something of, and what they point at by now. */
  async #findChannels(): Promise<Kept> {
    const { list } = this.#options;
    const { modulesPath } = list;
    const kept = new Kept();
    const nameOf = (path: string) => nameOfPart(partOf(canonicalPath(path, modulesPath)));
    const listed = [...this.#listed.keys()];
    const onNotice = (notice: Notice) => this.#tell(notice);
    const paths = await listBelow(this.#options, {
      known: listed,
      onNotice,
      signal: this.#options.signal,
    });
    await keepChannels(kept, {
      ...this.#options,
      modulesPath,
      paths,
      parts: new Set(listed.map(nameOf)),
      tagsOf: async (path) => {
        const inventory = await this.#inventoryOf(path);
        return [...inventory.tags].flatMap(([tag, digest]) =>
          this.#isListed(path, { tag, digest }) ? [] : [tag],
        );
      },
      onNotice,
    });
    return kept;
  }

  #inventoryOf(path: string): Promise<Inventory> {
    const { openTarget, signal, target } = this.#options;
    const known = this.#inventories.get(path);
    if (known !== undefined) return known;
    const reading = readInventory(openTarget(referenceBelow(target, path)), { signal });
    this.#inventories.set(path, reading);
    return reading;
  }

  #isListed(path: string, { tag, digest }: { readonly tag: string; readonly digest: Digest }) {
    const entries = this.#listed.get(path) ?? [];
    return entries.some((entry) => entry.digest === digest && entry.tags.includes(tag));
  }

  async #prune(path: string, inventory: Inventory, channels: Kept): Promise<void> {
    const reasons = this.#reasonsToStay(path, inventory, channels);
    const needed = neededBy(reasons.keys(), inventory);
    const reasonFor = ({ digest }: PruneEntry) => {
      if (channels.isWhole(path)) return "its release channels cannot be followed";
      return needed.has(digest) ? (reasons.get(digest) ?? "what stays needs it") : undefined;
    };
    const entries = [...(this.#listed.get(path) ?? [])].sort(
      (left, right) => ORDER.indexOf(left.kind) - ORDER.indexOf(right.kind),
    );
    const before = this.#deleted.length;
    for (const entry of entries) {
      const reason = reasonFor(entry);
      if (reason === undefined) await this.#delete(entry);
      else this.#keep(entry, reason);
    }
    await this.#confirm(path, this.#deleted.slice(before));
  }

  /** Some registries take a delete by digest, and go on serving the tags of it. */
  async #confirm(path: string, deleted: readonly PruneEntry[]): Promise<void> {
    const { openTarget, signal, target } = this.#options;
    if (!deleted.some(({ tags }) => tags.length > 0)) return;
    const reference = referenceBelow(target, path);
    const left = await this.#attempt(formatReference(reference), () =>
      findTagsLeft(openTarget(reference), deleted, { signal }),
    );
    for (const tag of left ?? []) {
      const subject = formatReference({ ...reference, tag });
      const message = `"${subject}" is still there: the registry took the delete of its digest, and kept the tag`;
      this.#failures.push({ code: "REGISTRY_REFUSED", subject, message });
    }
  }

  /** What stays whatever the list says, each with the reason. */
  #reasonsToStay(path: string, inventory: Inventory, channels: Kept): Map<Digest, string> {
    const reasons = new Map<Digest, string>();
    const { digests, tags } = channels.of(path);
    const listed = new Map((this.#listed.get(path) ?? []).map((entry) => [entry.digest, entry]));
    const note = (digest: Digest, reason: string) => {
      if (!reasons.has(digest)) reasons.set(digest, reason);
    };
    for (const digest of digests) note(digest, "a release channel points at what needs it");
    for (const [tag, digest] of inventory.tags) {
      if (tags.has(tag)) note(digest, "a release channel points at what needs it");
      if (this.#isListed(path, { tag, digest })) continue;
      note(digest, `the tag "${tag}" points at it by now`);
      const subject = parseCosignTag(tag)?.subject ?? subjectOfFallback(tag, listed.keys());
      if (subject !== undefined && listed.has(subject)) note(subject, `"${tag}" is new`);
    }
    for (const { digest, subject } of inventory.manifests.values()) {
      if (listed.has(digest) || subject === undefined || !listed.has(subject)) continue;
      note(digest, "it is new");
      note(subject, `${digest}, which belongs to it, is new`);
    }
    return reasons;
  }

  #keep(entry: PruneEntry, reason: string): void {
    this.#kept.push({ ...entry, reason });
    const { repository, digest } = entry;
    const name = formatReference({ ...referenceBelow(this.#options.target, repository), digest });
    this.#tell({ code: "STILL_NEEDED", message: `"${name}" is kept: ${reason}` });
  }

  async #delete(entry: PruneEntry): Promise<void> {
    const { openTarget, target, onDeleted, signal } = this.#options;
    const reference = referenceBelow(target, entry.repository);
    const name = formatReference({ ...reference, digest: entry.digest });
    const wasThere = await this.#attempt(name, () =>
      openTarget(reference).deleteManifest(entry.digest, { signal }),
    );
    if (wasThere === undefined) return;
    if (!wasThere) {
      this.#goneCount += 1;
      return;
    }
    this.#deleted.push(entry);
    onDeleted?.(entry);
  }

  async #attempt<Result>(
    subject: string,
    step: () => Promise<Result>,
  ): Promise<Result | undefined> {
    this.#options.signal?.throwIfAborted();
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof MirrorError) || !SINGLE_FAILURES.has(error.code)) throw error;
      this.#failures.push(toFailure(error, subject));
      return undefined;
    }
  }

  #tell(notice: Notice): void {
    this.#notices.push(notice);
    this.#options.onNotice?.(notice);
  }
}

function groupByRepository({ deletes }: PruneList): ReadonlyMap<string, readonly PruneEntry[]> {
  const groups = new Map<string, PruneEntry[]>();
  for (const entry of deletes) {
    groups.set(entry.repository, [...(groups.get(entry.repository) ?? []), entry]);
  }
  return groups;
}

function subjectOfFallback(tag: string, digests: Iterable<Digest>): Digest | undefined {
  return [...digests].find((digest) => fallbackTagOf(digest) === tag);
}
