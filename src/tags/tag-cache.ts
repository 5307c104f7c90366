import { join, sep } from "node:path";
import { hasErrorCode } from "../io/errors.ts";
import { readdir, rm, stat } from "../io/file-system.ts";
import { formatReference, parseRepositoryReference } from "../oci/reference.ts";
import { RepositoryRecords, TAG_RECORDS_FILE, TAG_RECORDS_FOLDER } from "./repository-records.ts";

/** What is known of tags, for all runs of a user. */
export interface TagCacheReport {
  readonly directory: string;
  readonly repositories: readonly KnownRepository[];
  readonly totals: { readonly repositories: number; readonly tags: number; readonly bytes: number };
  /** What this run has removed. */
  readonly removed: { readonly repositories: number; readonly bytes: number };
}

export interface KnownRepository {
  /** `registry/repository` */
  readonly repository: string;
  readonly tags: number;
  readonly bytes: number;
}

const NOTHING_REMOVED = { repositories: 0, bytes: 0 };

/** Counts what is known of tags; `cacheDirectory` as in `readTags`. */
export async function inspectTagCache(cacheDirectory: string): Promise<TagCacheReport> {
  return describe(cacheDirectory, await listRepositories(cacheDirectory), NOTHING_REMOVED);
}

/** Forgets what is known of the tags of these repositories; of all, if none is named. */
export async function clearTagCache(
  cacheDirectory: string,
  repositories: readonly string[] = [],
): Promise<TagCacheReport> {
  const wanted = new Set(
    repositories.map((name) => formatReference(parseRepositoryReference(name))),
  );
  const known = await listRepositories(cacheDirectory);
  const isWanted = ({ repository }: FoundRepository) => wanted.size === 0 || wanted.has(repository);
  const gone = known.filter(isWanted);
  for (const { path } of gone) await rm(path, { force: true });
  const kept = known.filter((one) => !isWanted(one));
  return describe(cacheDirectory, kept, { repositories: gone.length, bytes: sumOf(gone) });
}

interface FoundRepository extends KnownRepository {
  readonly path: string;
}

async function listRepositories(cacheDirectory: string): Promise<readonly FoundRepository[]> {
  const folder = join(cacheDirectory, TAG_RECORDS_FOLDER);
  const names = await readdir(folder, { recursive: true }).catch(absent);
  const found: FoundRepository[] = [];
  for (const name of names.filter((path) => path.endsWith(`${sep}${TAG_RECORDS_FILE}`)).sort()) {
    const path = join(folder, name);
    const [host = "", ...parts] = name.split(sep).slice(0, -1);
    // A port is the only thing that a host has an underscore for
    const place = { registry: host.replace(/_(\d+)$/, ":$1"), repository: parts.join("/") };
    await using records = await RepositoryRecords.open(cacheDirectory, place);
    const { size } = await stat(path);
    found.push({ path, repository: formatReference(place), tags: records.tagCount, bytes: size });
  }
  return found;
}

function describe(
  cacheDirectory: string,
  found: readonly FoundRepository[],
  removed: TagCacheReport["removed"],
): TagCacheReport {
  const tags = found.reduce((sum, one) => sum + one.tags, 0);
  return {
    directory: join(cacheDirectory, TAG_RECORDS_FOLDER),
    repositories: found.map(({ path: _, ...one }) => one),
    totals: { repositories: found.length, tags, bytes: sumOf(found) },
    removed,
  };
}

function sumOf(found: readonly KnownRepository[]): number {
  return found.reduce((sum, { bytes }) => sum + bytes, 0);
}

function absent(error: unknown): string[] {
  if (!hasErrorCode(error, "ENOENT")) throw error;
  return [];
}
