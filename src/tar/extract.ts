import { posix } from "node:path";
import { type Duplex, PassThrough, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import * as zlib from "node:zlib";
import { Decompress } from "fzstd";
import { type Extract, extract } from "tar-stream";

export interface ExtractFilesOptions {
  /** Paths in the layer, without `./`. */
  readonly names: ReadonlySet<string>;
  /** Bytes of the layer as it is transferred: bounds what it may expand to. */
  readonly size: number;
  /** Stop reading when all names are found, not at the end of the layer. */
  readonly stopsEarly: boolean;
  /** Makes the error for a layer that cannot be read. */
  readonly refuse: (reason: string, options?: { cause?: unknown; hint?: string }) => Error;
  readonly signal?: AbortSignal | undefined;
}

export interface ExtractedFiles {
  readonly files: ReadonlyMap<string, Buffer>;
  /** Names that this layer removes: layers below must not supply them. */
  readonly hidden: ReadonlySet<string>;
}

/** Largest file that is extracted. */
const FILE_LIMIT_BYTES: number = 4 * 1024 * 1024;

/** What a layer of any size may expand to; above it the ratio counts, up to the last limit. */
const EXPANSION_FLOOR_BYTES = 64 * 1024 * 1024;
const EXPANSION_RATIO = 200;
const EXPANSION_LIMIT_BYTES = 16 * 1024 ** 3;

const GZIP_MAGIC: Buffer = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC: Buffer = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/**
 * Reads small files out of a layer: a tar, plain or compressed with gzip or zstd, whatever its media type says. Of
 * several entries with one name the first counts. Errors of `layer` itself are passed on as they are.
 */
export async function extractFiles(
  layer: AsyncIterable<Buffer>,
  { refuse, ...rest }: ExtractFilesOptions,
): Promise<ExtractedFiles> {
  const state: ExtractState = { files: new Map(), hidden: new Set(), isDone: false };
  const options: ExtractFilesOptions = {
    ...rest,
    refuse: (...reason) => {
      state.refusal ??= refuse(...reason);
      return state.refusal;
    },
  };
  const chunks = guardSource(layer, state);
  const head = await readHead(chunks);
  if (head.length === 0) return state;
  const decoder = createDecoder(head);
  const tar = extract();
  const outcomes = await Promise.allSettled([
    readEntries(tar, state, options),
    pipeline(
      replay(head, chunks),
      decoder,
      (expanded: AsyncIterable<Buffer>) => limitExpansion(expanded, options),
      tar,
      { signal: options.signal },
    ),
  ]);
  if (!state.isDone) throwFirst(outcomes, state, options);
  return state;
}

type Entry = Extract extends AsyncIterable<infer Value> ? Value : never;

interface ExtractState {
  readonly files: Map<string, Buffer>;
  readonly hidden: Set<string>;
  /** Everything was found and the rest is of no interest. */
  isDone: boolean;
  /** What failed first, other than damage in the layer. */
  sourceError?: unknown;
  refusal?: Error;
}

/** Remembers what failed in the source, to tell it from what the reader throws into it when it gives up. */
async function* guardSource(
  layer: AsyncIterable<Buffer>,
  state: ExtractState,
): AsyncGenerator<Buffer> {
  const chunks = layer[Symbol.asyncIterator]();
  const next = () =>
    chunks.next().catch((error: unknown) => {
      state.sourceError = error;
      throw error;
    });
  try {
    for (let chunk = await next(); !chunk.done; chunk = await next()) yield chunk.value;
  } finally {
    await chunks.return?.();
  }
}

/** Enough of the beginning to know the compression. */
async function readHead(chunks: AsyncGenerator<Buffer>): Promise<Buffer> {
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const { done, value } = await chunks.next();
    if (done) break;
    head = Buffer.concat([head, value]);
  }
  return head;
}

async function* replay(head: Buffer, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* chunks;
}

function createDecoder(head: Buffer): Duplex {
  if (head.subarray(0, 2).equals(GZIP_MAGIC)) return zlib.createGunzip();
  if (!head.subarray(0, 4).equals(ZSTD_MAGIC)) return new PassThrough();
  // Since Node.js 22.15; the types are those of Node.js 20
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Duplex };
  if (createZstdDecompress) return createZstdDecompress();
  return createZstdDecoder();
}

/** For older versions of Node.js. */
function createZstdDecoder(): Duplex {
  const transform = new Transform({
    transform: (chunk: Buffer, _encoding, done) => attempt(() => decoder.push(chunk), done),
    flush: (done) => attempt(() => decoder.push(new Uint8Array(0), true), done),
  });
  // What comes out is a part of the window that later bytes go to
  const decoder = new Decompress((bytes) => transform.push(Buffer.from(bytes)));
  return transform;
}

function attempt(work: () => void, done: (error?: Error) => void): void {
  try {
    work();
    done();
  } catch (error) {
    done(error as Error);
  }
}

async function* limitExpansion(
  expanded: AsyncIterable<Buffer>,
  { size, refuse }: ExtractFilesOptions,
): AsyncGenerator<Buffer> {
  const limit = Math.min(
    Math.max(EXPANSION_FLOOR_BYTES, size * EXPANSION_RATIO),
    EXPANSION_LIMIT_BYTES,
  );
  let total = 0;
  for await (const chunk of expanded) {
    total += chunk.length;
    if (total > limit) throw refuse(`it expands to more than ${limit} bytes`);
    yield chunk;
  }
}

async function readEntries(
  tar: Extract,
  state: ExtractState,
  options: ExtractFilesOptions,
): Promise<void> {
  for await (const entry of tar) {
    await readEntry(entry, state, options);
    if (options.stopsEarly && state.files.size === options.names.size) {
      state.isDone = true;
      return;
    }
  }
}

async function readEntry(
  entry: Entry,
  { files, hidden }: ExtractState,
  { names, refuse }: ExtractFilesOptions,
): Promise<void> {
  const path = cleanPath(entry.header.name);
  const type = entry.header.type ?? "file";
  const isFile = type === "file" || type === "contiguous-file";
  for (const name of names) if (hides(path, type, name)) hidden.add(name);
  if (!names.has(path) || files.has(path) || type === "directory") {
    entry.resume();
    return;
  }
  if (!isFile) throw refuse(`"${path}" is not a regular file`);
  if ((entry.header.size ?? 0) > FILE_LIMIT_BYTES) {
    throw refuse(`"${path}" is larger than ${FILE_LIMIT_BYTES} bytes`);
  }
  files.set(path, await readContent(entry));
}

/** `./a//b` → `a/b`, `/a` → `a`. */
function cleanPath(name: string): string {
  return posix.normalize(name).replace(/^\/+|\/+$/g, "");
}

/** Whether an entry keeps a file of a lower layer from being seen (image-spec layer.md, "Whiteouts"). */
function hides(path: string, type: string, name: string): boolean {
  const { dir, base } = posix.parse(path);
  if (base === OPAQUE) return isBelow(name, dir);
  if (base.startsWith(WHITEOUT)) {
    const removed = posix.join(dir, base.slice(WHITEOUT.length));
    return name === removed || isBelow(name, removed);
  }
  return type === "directory" ? name === path : isBelow(name, path);
}

function isBelow(name: string, directory: string): boolean {
  return directory === "" || name.startsWith(`${directory}/`);
}

async function readContent(entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** One failure ends several streams: what was seen first is the reason. */
function throwFirst(
  outcomes: readonly PromiseSettledResult<void>[],
  { refusal, sourceError }: ExtractState,
  { refuse, signal }: ExtractFilesOptions,
): void {
  if (refusal !== undefined) throw refusal;
  if (sourceError !== undefined) throw sourceError;
  signal?.throwIfAborted();
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw refuse("it is not a readable tar archive", { cause: failed.reason });
}
