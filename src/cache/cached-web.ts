import { type Digest, digestOf, isDigest, verifyDigest } from "../oci/digest.ts";
import type { FetchFileOptions, FileVersion, WebSource } from "../store/store.ts";
import type { ContentCache } from "./content-cache.ts";
import type { Records } from "./user/record-cache.ts";

export interface ReadFileOptions extends Omit<FetchFileOptions, "known"> {
  /** What the file has to be, where that is told. */
  readonly digest?: Digest | undefined;
}

/** Files of web servers that are there already are asked for only if they may have changed. */
export interface WebFiles {
  /** Undefined: there is no such file. */
  read(address: URL, options: ReadFileOptions): Promise<Buffer | undefined>;
}

export interface CacheWebOptions {
  readonly cache: Pick<ContentCache, "read" | "write">;
  readonly records?: Records | undefined;
  readonly onFetched: (digest: Digest) => void;
  readonly onBytes: (bytes: number) => void;
}

export function cacheWeb(web: WebSource, options: CacheWebOptions): WebFiles {
  const files = new Map<string, Promise<Buffer | undefined>>();
  return {
    read(address, wanted) {
      const key = `${address.href}\n${wanted.digest ?? ""}`;
      const reading = files.get(key) ?? readFile(web, address, { ...wanted, ...options });
      files.set(key, reading);
      // What has come is in the cache: it is not held in memory too
      const forget = () => void files.delete(key);
      reading.then(forget, forget);
      return reading;
    },
  };
}

/** The version of a file that was read, and what it held. */
interface FileRecord extends FileVersion {
  readonly digest: Digest;
}

async function readFile(
  web: WebSource,
  address: URL,
  { digest, cache, records, onFetched, onBytes, ...options }: ReadFileOptions & CacheWebOptions,
): Promise<Buffer | undefined> {
  if (digest !== undefined) {
    const kept = await cache.read(digest);
    if (kept) return kept;
  }
  const key = `file of a web server, 1\n${address.href}`;
  const record = digest === undefined ? toRecord(await records?.read(key)) : undefined;
  const kept = record && (await cache.read(record.digest));
  const known = kept && record;
  const answer = await web.fetchFile(address, { ...options, known });
  if (answer === "unchanged") return kept;
  if (answer === undefined) return undefined;
  const { bytes, version } = answer;
  if (digest !== undefined) verifyDigest(bytes, digest);
  const found = digestOf(bytes);
  onFetched(found);
  onBytes(bytes.length);
  await cache.write(found, bytes);
  if (digest === undefined && (version.etag ?? version.lastModified) !== undefined) {
    await records?.write(key, { ...version, digest: found } satisfies FileRecord);
  }
  return bytes;
}

function toRecord(value: unknown): FileRecord | undefined {
  const record = value as Partial<FileRecord> | undefined;
  return record?.digest !== undefined && isDigest(record.digest)
    ? (record as FileRecord)
    : undefined;
}
