import { dirname, join } from "node:path";
import { writeFileAtomically } from "../../io/atomic-write.ts";
import { hasErrorCode } from "../../io/errors.ts";
import { mkdir, readdir, rm } from "../../io/file-system.ts";
import { readFile } from "../../io/read-file.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";

export interface TagPlace {
  readonly namespace: string;
  readonly repository: string;
  readonly tag: string;
}

/** What a tag was when the registry was asked last. */
export interface TagRecord {
  readonly digest: Digest;
  /** Time of the day in milliseconds. */
  readonly checkedAt: number;
  /** The registry is asked again when so much time has passed. */
  readonly intervalMs: number;
  /** What that time was at first: another wish begins anew. */
  readonly firstMs: number;
}

/** No part of the path of a repository begins like this. */
const FOLDER = "_tags";

/** Tags below a directory, one file each. */
export class TagRecords {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async read(place: TagPlace): Promise<TagRecord | undefined> {
    try {
      return parseRecord(await readFile(this.#pathOf(place), "utf8"), place);
    } catch (error) {
      if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  async write(place: TagPlace, record: TagRecord): Promise<void> {
    const path = this.#pathOf(place);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomically(path, JSON.stringify({ ...record, ...place }));
  }

  async remove(place: TagPlace): Promise<void> {
    await rm(this.#pathOf(place), { force: true });
  }

  /** Tags that were asked for; undefined if none of the repository was. */
  async list(place: Omit<TagPlace, "tag">): Promise<readonly string[] | undefined> {
    try {
      const names = await readdir(dirname(this.#pathOf({ ...place, tag: "" })));
      return names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -5));
    } catch (error) {
      if (hasErrorCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }

  /** All that there are, in the order of their names. */
  async listAll(): Promise<readonly (TagPlace & TagRecord)[]> {
    const names = await readdir(this.#directory, { recursive: true }).catch(absent);
    const found: (TagPlace & TagRecord)[] = [];
    for (const name of (names ?? []).filter((path) => path.endsWith(".json")).sort()) {
      const text = await readFile(join(this.#directory, name), "utf8").catch(absent);
      const place = text === undefined ? undefined : parsePlace(text);
      const record = place && (await this.read(place));
      if (place && record) found.push({ ...place, ...record });
    }
    return found;
  }

  #pathOf({ namespace, repository, tag }: TagPlace): string {
    return join(this.#directory, namespace.replaceAll(":", "_"), repository, FOLDER, `${tag}.json`);
  }
}

function absent(error: unknown): undefined {
  if (!hasErrorCode(error, "ENOENT")) throw error;
}

function parsePlace(text: string): TagPlace | undefined {
  try {
    const { namespace, repository, tag } = JSON.parse(text) as Record<string, unknown>;
    if ([namespace, repository, tag].some((part) => typeof part !== "string")) return undefined;
    return { namespace, repository, tag } as TagPlace;
  } catch {
    return undefined;
  }
}

/** A file that was damaged, or of a tag that differs in case where names do not, says nothing. */
function parseRecord(text: string, { tag }: TagPlace): TagRecord | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { checkedAt, digest, firstMs, intervalMs } = fields;
  const isWhole =
    fields["tag"] === tag &&
    typeof digest === "string" &&
    isDigest(digest) &&
    [checkedAt, firstMs, intervalMs].every(Number.isFinite);
  if (!isWhole) return undefined;
  return {
    digest,
    checkedAt: Number(checkedAt),
    firstMs: Number(firstMs),
    intervalMs: Number(intervalMs),
  };
}
