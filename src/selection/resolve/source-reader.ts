import pLimit from "p-limit";
import { OptionInvalidError } from "../../errors.ts";
import { isAttestation } from "../../oci/attestation.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { ImageManifest } from "../../oci/manifest.ts";
import { isImageConfigType } from "../../oci/media-type.ts";
import { formatPlatform, matchesPlatform, type Platform } from "../../oci/platform.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { type LayerRecords, readImageFiles } from "../../product/image-files.ts";
import { isMissing } from "../../store/errors.ts";
import { readContent } from "../../store/read-content.ts";
import type { Manifest, OperationOptions, SourceRepository } from "../../store/store.ts";
import { walkGraph } from "../../store/walk.ts";
import { SelectionUnmatchedError } from "../errors.ts";
import type { SelectionNoticeCode } from "../notice.ts";
import type { Exclusion } from "./exclusion.ts";
import { type Creation, TimeReader } from "./time-reader.ts";

export interface SourceReaderOptions extends OperationOptions {
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  /** Requests at once; default 8. */
  readonly concurrency?: number | undefined;
  readonly onNotice?: ((code: SelectionNoticeCode, message: string) => void) | undefined;
  /** What earlier looks at layers have found. */
  readonly records?: LayerRecords | undefined;
  /** Where what is known of tags is kept for later runs; default: nowhere. */
  readonly tagsDirectory?: string | undefined;
  /** Time of the day in milliseconds; default: that of the machine. */
  readonly now?: (() => number) | undefined;
  readonly onExcluded?: ((exclusion: Exclusion) => void) | undefined;
  /** Files of web servers; without it, charts of Helm repositories cannot be read. */
  readonly web?: WebFiles | undefined;
  /** A tag list, manifest or image file is being asked for. */
  readonly onResolving?: ((reference: string) => void) | undefined;
}

/** The sources of one run: nothing is requested twice, and that something does not exist is an answer, not an error. */
export interface SourceReader {
  /** All tags; `undefined` if there is no such repository. */
  listTags(repository: RepositoryReference): Promise<readonly string[] | undefined>;
  /** By tag or digest; `undefined` if the repository or the manifest does not exist. */
  findManifest(repository: RepositoryReference, reference: string): Promise<Manifest | undefined>;
  /** Files of an image; of an index once for each platform, or for each of `platforms` if there are any. */
  readFiles(image: FoundImage, options: ReadFilesOptions): Promise<ReadonlyMap<string, Buffer>[]>;
  /** When the image of a tag was made; undefined: there is no such tag. */
  readCreated(repository: RepositoryReference, tag: string): Promise<Creation | undefined>;
  /** A file of a web server; undefined if there is none. */
  readWebFile(address: URL, options: ReadWebFileOptions): Promise<Buffer | undefined>;
  /** Content of an image, whole and verified. */
  readContent(repository: RepositoryReference, target: Descriptor): Promise<Buffer>;
  /** What is no request and takes its time too. */
  work<Value>(
    subject: string,
    run: (signal: AbortSignal | undefined) => Promise<Value>,
  ): Promise<Value>;
  /** What earlier runs have found out. */
  readonly records: LayerRecords | undefined;
  notice(code: SelectionNoticeCode, message: string): void;
  /** Notes what is left out. */
  exclude(exclusion: Exclusion): void;
  now(): number;
  /** Lets go of the files that it holds. */
  end(): Promise<void>;
}

/** Files of web servers, whole; asked for once. */
export interface WebFiles {
  read(address: URL, options: ReadWebFileOptions & OperationOptions): Promise<Buffer | undefined>;
}

export interface ReadWebFileOptions {
  readonly limitBytes: number;
  /** What it has to be, where that is told. */
  readonly digest?: Digest | undefined;
  /** The file that gave the address. */
  readonly namedBy?: URL | undefined;
}

/** A manifest and where it is. */
export interface FoundImage {
  readonly repository: RepositoryReference;
  /** Tag or digest. */
  readonly reference: string;
  readonly manifest: Manifest;
}

interface ReadFilesOptions {
  readonly names: readonly string[];
  readonly platforms: readonly Platform[];
}

const DEFAULT_CONCURRENCY = 8;

export function createSourceReader(options: SourceReaderOptions): SourceReader {
  const { signal, onExcluded, onNotice, onResolving, now = Date.now } = options;
  const limit = pLimit(options.concurrency ?? DEFAULT_CONCURRENCY);
  const sources = new Map<string, SourceRepository>();
  const tagLists = new Map<string, Promise<readonly string[] | undefined>>();
  const manifests = new Map<string, Promise<Manifest | undefined>>();
  const files = new Map<string, Promise<ReadonlyMap<string, Buffer>[]>>();

  const openSource = (repository: RepositoryReference): SourceRepository =>
    remember(sources, formatReference(repository), () => options.openSource(repository));

  // The limit is around single requests: nobody holds a place while waiting for somebody else's
  const request = <Value>(reference: string, send: () => Promise<Value>): Promise<Value> =>
    limit(() => {
      signal?.throwIfAborted();
      onResolving?.(reference);
      return send();
    });

  const reader: SourceReader = {
    listTags: (repository) => {
      const name = formatReference(repository);
      return remember(tagLists, name, () =>
        orUndefined(request(name, () => collect(openSource(repository).listTags({ signal })))),
      );
    },
    findManifest: (repository, reference) => {
      const name = formatFound(repository, reference);
      return remember(manifests, name, () =>
        orUndefined(
          request(name, () => openSource(repository).fetchManifest(reference, { signal })),
        ),
      );
    },
    readFiles: async (image, { names, platforms }) => {
      const { repository, reference, manifest } = image;
      const { digest } = manifest.descriptor;
      const source = openSource(repository);
      const found = await listImageManifests(reader, image, { platforms, signal });
      return remember(files, [formatFound(repository, digest), ...names].join("\n"), () =>
        Promise.all(
          found.map((layers) =>
            request(formatFound(repository, reference), () =>
              readImageFiles({ manifest: layers, source, names, records: options.records, signal }),
            ),
          ),
        ),
      );
    },
    readCreated: (repository, tag) => times.read(repository, tag),
    records: options.records,
    work: (subject, run) => request(subject, () => run(signal)),
    readWebFile: (address, wanted) => {
      if (!options.web) throw new OptionInvalidError("web", "charts of repositories need it");
      const { web } = options;
      return request(address.href, () => web.read(address, { ...wanted, signal }));
    },
    readContent: (repository, target) =>
      request(formatReference({ ...repository, digest: target.digest }), () =>
        readContent(openSource(repository), target, { signal }),
      ),
    notice: (code, message) => onNotice?.(code, message),
    exclude: (exclusion) => onExcluded?.(exclusion),
    now,
    end: async () => {
      for (const { repository, tags, requests } of await times.end()) {
        if (requests === 0) continue;
        reader.notice(
          "TIMES_READ",
          `It took ${requests} ${requests === 1 ? "request" : "requests"} to know when ${tags} ${tags === 1 ? "tag" : "tags"} of "${repository}" ${tags === 1 ? "was" : "were"} made`,
        );
      }
    },
  };
  const times = new TimeReader({
    openSource,
    findManifest: reader.findManifest,
    request,
    tagsDirectory: options.tagsDirectory,
    now,
    signal,
  });
  return reader;
}

/** `registry/repository:tag` or `…@digest`. */
export function formatFound(repository: RepositoryReference, reference: string): string {
  return formatReference(
    isDigest(reference) ? { ...repository, digest: reference } : { ...repository, tag: reference },
  );
}

function remember<Value>(known: Map<string, Value>, key: string, create: () => Value): Value {
  const found = known.get(key);
  if (found !== undefined) return found;
  const created = create();
  known.set(key, created);
  return created;
}

async function orUndefined<Value>(answer: Promise<Value>): Promise<Value | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function collect(tags: AsyncIterable<string>): Promise<string[]> {
  const collected: string[] = [];
  for await (const tag of tags) collected.push(tag);
  return collected;
}

/** The image manifests that an image has for the wanted platforms; attestations are none. */
async function listImageManifests(
  reader: SourceReader,
  { repository, reference, manifest }: FoundImage,
  { platforms, signal }: Pick<ReadFilesOptions, "platforms"> & OperationOptions,
): Promise<ImageManifest[]> {
  const name = formatFound(repository, reference);
  const { manifests } = await walkGraph(manifest.descriptor, {
    subject: `image ${name}`,
    read: async ({ digest }) => {
      if (digest === manifest.descriptor.digest) return manifest.bytes;
      const child = await reader.findManifest(repository, digest);
      if (child !== undefined) return child.bytes;
      throw new SelectionUnmatchedError(
        `image "${formatFound(repository, digest)}"`,
        `"${name}" lists it, but the source does not have it`,
      );
    },
    select: (children) =>
      children.filter(
        (child) =>
          !isAttestation(child) &&
          child.platform?.os !== "unknown" &&
          (child.platform === undefined ||
            platforms.length === 0 ||
            platforms.some((wanted) => matchesPlatform(wanted, child.platform ?? wanted))),
      ),
    signal,
  });
  const found = manifests.flatMap(({ document }) => (document.kind === "manifest" ? document : []));
  if (found.length === 0 && platforms.length > 0) {
    throw new SelectionUnmatchedError(
      `image "${name}" for ${platforms.map(formatPlatform).join(", ")}`,
      "the index has no such platform",
    );
  }
  // An index may hold charts and the like beside the images
  const images = found.filter(({ config }) => isImageConfigType(config.mediaType));
  return images.length > 0 ? images : found;
}
