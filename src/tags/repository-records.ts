import { dirname, join } from "node:path";
import type { Refresh } from "../cache/refresh-rule.ts";
import { MirrorError } from "../errors.ts";
import { AppendLog, formatLogRecord, readAppendLog } from "../io/append-log.ts";
import { writeFileAtomically } from "../io/atomic-write.ts";
import { mkdir } from "../io/file-system.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { ImageDetails } from "./image-details.ts";

/** The tags of a repository, as they were listed last. */
export interface ListLook extends Refresh {
  readonly tags: readonly string[];
}

/** What a tag was when the registry was asked last. */
export interface TagLook extends Refresh {
  readonly digest: Digest;
}

/** What went wrong after that. */
export interface LookError {
  /** Time of the day in milliseconds. */
  readonly at: number;
  readonly message: string;
}

/** The lines of the log: the last one of each kind and name counts. */
type Line =
  | readonly ["list", ListLook]
  /** As before, looked at again. */
  | readonly ["same", Refresh]
  | readonly ["tag", string, TagLook]
  | readonly ["gone", string]
  /** By digest and platform. */
  | readonly ["details", string, ImageDetails]
  /** Of a tag, or of the repository itself (""). */
  | readonly ["error", string, LookError];

/** Below the cache directory; the number changes with the form of the lines. */
export const TAG_RECORDS_FOLDER: string = join("tags", "v1");
/** No part of the path of a repository begins like this. */
export const TAG_RECORDS_FILE = "_tags.log";

/** Lines of a log that nobody reads any more, beyond those that are: then it is written anew. */
const SPARE_LINES = 1000;

/**
 * What is known of the tags of one repository: one file of lines that are only ever added, so that a scan that is cut off
 * has lost nothing, and several runs may add to it at once. A damaged line is as if it had not been written.
 */
export class RepositoryRecords implements AsyncDisposable {
  readonly #path: string | undefined;
  readonly #lines = new Map<string, Line>();
  #log: AppendLog | undefined;
  #count = 0;

  private constructor(path: string | undefined) {
    this.#path = path;
  }

  /** Without a directory nothing is kept. What cannot be read is as if it were not there: it can be asked for again. */
  static async open(
    directory: string | undefined,
    place: RepositoryReference,
  ): Promise<RepositoryRecords> {
    if (directory === undefined) return new RepositoryRecords(undefined);
    const path = join(
      directory,
      TAG_RECORDS_FOLDER,
      hostFolder(place),
      place.repository,
      TAG_RECORDS_FILE,
    );
    const records = new RepositoryRecords(path);
    try {
      for (const line of await readAppendLog(path)) records.#apply(line as Line);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    } catch (error) {
      if (!(error instanceof MirrorError)) throw error;
      return new RepositoryRecords(undefined);
    }
    return records;
  }

  get list(): ListLook | undefined {
    const line = this.#lines.get("list");
    return line?.[0] === "list" ? line[1] : undefined;
  }

  /** Tags of which something is known. */
  get tagCount(): number {
    return [...this.#lines.keys()].filter((key) => key.startsWith("tag ")).length;
  }

  tag(tag: string): TagLook | undefined {
    const line = this.#lines.get(`tag ${tag}`);
    return line?.[0] === "tag" ? line[2] : undefined;
  }

  details(digest: Digest, platform = ""): ImageDetails | undefined {
    const line = this.#lines.get(`details ${digest} ${platform}`);
    return line?.[0] === "details" ? line[2] : undefined;
  }

  /** Of a tag; of the repository if none is named. */
  error(tag = ""): LookError | undefined {
    const line = this.#lines.get(`error ${tag}`);
    return line?.[0] === "error" ? line[2] : undefined;
  }

  noteList(look: ListLook): void {
    const known = this.list;
    const isSame = known !== undefined && known.tags.join(" ") === look.tags.join(" ");
    const { checkedAt, intervalMs } = look;
    this.#add(isSame ? ["same", { checkedAt, intervalMs }] : ["list", look]);
  }

  noteTag(tag: string, look: TagLook): void {
    this.#add(["tag", tag, look]);
  }

  noteGone(tag: string): void {
    this.#add(["gone", tag]);
  }

  noteDetails(details: ImageDetails, platform = ""): void {
    this.#add(["details", `${details.digest} ${platform}`, details]);
  }

  noteError(error: LookError, tag = ""): void {
    this.#add(["error", tag, error]);
  }

  /** Writes the log anew where most of it is of no use any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#log?.[Symbol.dispose]();
    const isLong = this.#count > 2 * this.#lines.size + SPARE_LINES;
    if (this.#path === undefined || this.#log === undefined || !isLong) return;
    // What another run adds meanwhile is asked for again
    const text = [...this.#lines.values()].map(formatLogRecord).join("");
    await writeFileAtomically(this.#path, text).catch(ignoreStorage);
  }

  #add(line: Line): void {
    this.#apply(line);
    if (this.#path === undefined) return;
    try {
      this.#log ??= AppendLog.open(this.#path);
      this.#log.append(line);
    } catch (error) {
      // It costs a request, not the run
      ignoreStorage(error);
    }
  }

  #apply(line: Line): void {
    this.#count += 1;
    switch (line[0]) {
      case "list":
        this.#lines.set("list", line);
        this.#lines.delete("error ");
        break;
      case "same":
        this.#touchList(line[1]);
        break;
      case "gone":
        this.#lines.delete(`tag ${line[1]}`);
        this.#lines.delete(`error ${line[1]}`);
        break;
      case "tag":
        this.#lines.delete(`error ${line[1]}`);
        this.#lines.set(`tag ${line[1]}`, line);
        break;
      default:
        this.#lines.set(`${line[0]} ${line[1]}`, line);
    }
  }

  #touchList(refresh: Refresh): void {
    const known = this.list;
    if (known === undefined) return;
    this.#lines.set("list", ["list", { ...known, ...refresh }]);
    this.#lines.delete("error ");
  }
}

function hostFolder({ registry }: RepositoryReference): string {
  return registry.replaceAll(":", "_");
}

function ignoreStorage(error: unknown): void {
  if (!(error instanceof MirrorError)) throw error;
}
