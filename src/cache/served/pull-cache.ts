import { join, sep } from "node:path";
import { OptionInvalidError } from "../../errors.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { stat } from "../../io/file-system.ts";
import { childrenOf } from "../../oci/children.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { dropUnneeded, listPushed, type PushedTag } from "./all-pushed.ts";
import { KeptFiles, type KeptFilesOptions } from "./kept-files.ts";
import { PullStore } from "./pull-store.ts";
import { type TagPlace, type TagRecord, TagRecords } from "./tag-records.ts";

export const CACHE_REPORT_TYPE = "application/vnd.airgap-mirror.cache.v1+json";

/** What is in the cache of a server. */
export interface CacheReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof CACHE_REPORT_TYPE;
  readonly directory: string;
  /** Tags that were pulled, in the order of their names. */
  readonly images: readonly CachedImage[];
  /** Tags that clients have pushed; they stay. */
  readonly pushed: readonly PushedTag[];
  readonly totals: CacheTotals;
  /** What this run has removed. */
  readonly removed: { readonly files: number; readonly bytes: number };
}

export interface CachedImage {
  /** `registry/repository:tag` */
  readonly image: string;
  readonly digest: Digest;
  /** When the registry said so last, RFC 3339. */
  readonly checkedAt: string;
}

export interface CacheTotals {
  readonly bytes: number;
  readonly blobs: number;
  readonly manifests: number;
  /** Blobs of which not all has come. */
  readonly parts: number;
}

type Limits = Pick<KeptFilesOptions, "limitBytes" | "ttlMs"> & { readonly now?: () => number };

export interface InspectCacheOptions {
  /** True: a directory that is not there is an empty cache, for places that nobody has named. */
  readonly mayBeMissing?: boolean | undefined;
}

/** Only looks, also while a server uses it. */
export async function inspectCache(
  directory: string,
  { mayBeMissing = false }: InspectCacheOptions = {},
): Promise<CacheReport> {
  const isMissing = mayBeMissing && !(await isThere(join(directory, "content")));
  if (isMissing) return emptyReport(directory);
  const files = await KeptFiles.scan(join(directory, "content"), { now: Date.now });
  return await reportOf(directory, files, { files: 0, bytes: 0 });
}

/**
 * Removes what is too much or too old, tags of which nothing is left, and of what was pushed the blobs that no image needs;
 * `TARGET_LOCKED` while a server uses it.
 */
export async function pruneCache(
  directory: string,
  { now = Date.now, ...limits }: Limits = {},
): Promise<CacheReport> {
  const before = await inspectCache(directory);
  await using store = await PullStore.open(directory, { ...limits, now });
  await dropUnneeded(store, { ...limits, now });
  await store.files.evict({ isDue: true });
  for (const record of await store.tags.listAll()) {
    if (!(await store.readManifest(record.digest))) await store.tags.remove(record);
  }
  await store.referrers.removeUnless((subject) => store.hasManifest(subject));
  return await reportOf(directory, store.files, removedSince(before, store.files));
}

/**
 * Removes tags, and the content that no other tag needs: `registry/repository:tag`, or `registry/repository` for all of its
 * tags. `TARGET_LOCKED` while a server uses the cache.
 */
export async function removeFromCache(
  directory: string,
  images: readonly string[],
): Promise<CacheReport> {
  const before = await inspectCache(directory);
  const ttlMs = Number.POSITIVE_INFINITY;
  await using store = await PullStore.open(directory, { ttlMs, now: Date.now });
  const records = await store.tags.listAll();
  const unknown = images.filter((image) => !records.some((record) => isMeant(record, image)));
  if (unknown.length > 0) {
    const names = (await listPushed(directory)).map(({ image }) => image);
    const isPushed = unknown.some((image) =>
      names.some((name) => `${name}:`.startsWith(`${image}:`)),
    );
    throw new OptionInvalidError(
      "images",
      `not in the cache: ${unknown.join(", ")}`,
      isPushed
        ? { hint: "What was pushed is deleted through the server: DELETE of its manifest" }
        : {},
    );
  }
  const isWanted = (record: TagPlace) => images.some((image) => isMeant(record, image));
  const needed = await reach(
    store,
    records.filter((record) => !isWanted(record)),
  );
  const dropped = await reach(store, records.filter(isWanted));
  for (const record of records.filter(isWanted)) await store.tags.remove(record);
  for (const digest of dropped) if (!needed.has(digest)) await store.remove(digest);
  return await reportOf(directory, store.files, removedSince(before, store.files));
}

function nameOf({ namespace, repository, tag }: TagPlace): string {
  return `${namespace}/${repository}:${tag}`;
}

function isMeant(place: TagPlace, image: string): boolean {
  return image === nameOf(place) || image === `${place.namespace}/${place.repository}`;
}

/** Digests of all that is kept of these images. */
async function reach(
  store: PullStore,
  records: readonly Pick<TagRecord, "digest">[],
): Promise<ReadonlySet<Digest>> {
  const reached = new Set<Digest>();
  const open = records.map(({ digest }) => digest);
  for (let digest = open.pop(); digest !== undefined; digest = open.pop()) {
    if (reached.has(digest)) continue;
    reached.add(digest);
    const manifest = await store.readManifest(digest);
    if (manifest === undefined) continue;
    const { bytes, descriptor } = manifest;
    const children = childrenOf(parseManifest(bytes, descriptor.mediaType, digest));
    open.push(...children.manifests.map((child) => child.digest));
    for (const child of children.blobs) reached.add(child.digest);
  }
  return reached;
}

async function reportOf(
  directory: string,
  files: KeptFiles,
  removed: CacheReport["removed"],
): Promise<CacheReport> {
  const records = await new TagRecords(join(directory, "tags")).listAll();
  const pushed = await listPushed(directory);
  const count = (kind: string) =>
    files.names().filter((name) => name.startsWith(`${kind}${sep}`)).length;
  return {
    schemaVersion: 1,
    mediaType: CACHE_REPORT_TYPE,
    directory,
    images: records.map(({ checkedAt, digest, ...place }) => ({
      image: nameOf(place),
      digest,
      checkedAt: new Date(checkedAt).toISOString(),
    })),
    pushed,
    totals: {
      bytes: files.usedBytes,
      blobs: count("blobs"),
      manifests: count("manifests"),
      parts: count("parts"),
    },
    removed,
  };
}

function emptyReport(directory: string): CacheReport {
  return {
    schemaVersion: 1,
    mediaType: CACHE_REPORT_TYPE,
    directory,
    images: [],
    pushed: [],
    totals: { bytes: 0, blobs: 0, manifests: 0, parts: 0 },
    removed: { files: 0, bytes: 0 },
  };
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return false;
    throw error;
  }
}

function removedSince({ totals }: CacheReport, files: KeptFiles): CacheReport["removed"] {
  return {
    files: totals.blobs + totals.manifests + totals.parts - files.names().length,
    bytes: totals.bytes - files.usedBytes,
  };
}
