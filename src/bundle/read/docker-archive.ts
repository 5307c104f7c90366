import { createHash } from "node:crypto";
import { posix } from "node:path";
import { type Digest, digestOf, isDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { MANIFEST_LIMIT_BYTES, MEDIA_TYPE } from "../../oci/media-type.ts";
import { parseStrictJson } from "../../oci/strict-json.ts";
import type { ScannedEntry } from "../../tar/scan.ts";
import { BundleContentMismatchError, BundleCorruptError, type BundleLocation } from "../errors.ts";
import { ANNOTATION, blobPath } from "../format/format.ts";
import type { LayoutTable, Place } from "../format/layout-table.ts";
import { compressionOf } from "../format/magic.ts";

/** The list of images of an archive of `docker save`. */
const DOCKER_LIST_FILE = "manifest.json";

/** Names that only an archive of `docker save` has, and those that imitate it. */
const OWN_FILE = /^(?:repositories|[0-9a-f]{64}(?:\.json|\.tar|\/(?:layer\.tar|json|VERSION)))$/;

export function isDockerFile(path: string): boolean {
  return path === DOCKER_LIST_FILE || OWN_FILE.test(path);
}

/** How the bytes of an archive are read. */
export interface Medium {
  readBytes(place: Place): Promise<Buffer>;
  locate(place: Pick<Place, "package" | "offset">): BundleLocation;
}

export interface DockerArchive {
  readonly table: LayoutTable;
  /** The blobs under the names that they have in a layout. */
  readonly entries: readonly ScannedEntry[];
  /** Those names → the names in the archive. */
  readonly names: ReadonlyMap<string, string>;
}

export interface ReadDockerArchiveOptions {
  readonly medium: Medium;
  /** Number of the package. */
  readonly index: number;
  readonly entries: readonly ScannedEntry[];
}

/**
 * Reads an archive of `docker save` as the layout that it would be. Configs and layers are the entries as they are; the
 * manifests, which the archive does not have, and `index.json` are made: the same archive makes the same bytes.
 */
export async function readDockerArchive(options: ReadDockerArchiveOptions): Promise<DockerArchive> {
  return await new DockerArchiveReader(options).read();
}

/** One image of `manifest.json`. */
interface ListedImage {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

interface Content {
  readonly mediaType: string;
  readonly size: number;
  readonly digest: Digest;
}

interface ImageConfig {
  readonly described: Content;
  /** Digests of the layers, uncompressed. */
  readonly diffIds: readonly Digest[];
}

const LAYER_TYPES = {
  none: MEDIA_TYPE.dockerLayer,
  gzip: MEDIA_TYPE.dockerLayerGzip,
  zstd: MEDIA_TYPE.dockerLayerZstd,
} as const;

/** Links that are followed one after the other. */
const LINK_LIMIT = 16;

const HASH_BYTES = 1024 * 1024;

const WRITE_AGAIN = { hint: 'Write the archive again with "docker save"' };

class DockerArchiveReader {
  readonly #medium: Medium;
  readonly #index: number;
  readonly #files: ReadonlyMap<string, ScannedEntry>;
  readonly #list: ScannedEntry;
  readonly #blobs = new Map<Digest, Place>();
  readonly #entries = new Map<Digest, ScannedEntry>();
  readonly #layers = new Map<ScannedEntry, Promise<Content>>();
  readonly #configs = new Map<ScannedEntry, Promise<ImageConfig>>();

  constructor({ medium, index, entries }: ReadDockerArchiveOptions) {
    this.#medium = medium;
    this.#index = index;
    this.#files = new Map(entries.map((entry) => [entry.path, entry]));
    const list = this.#files.get(DOCKER_LIST_FILE);
    if (list?.type !== "file") {
      const location = medium.locate({ package: index, offset: 0 });
      const reason = `it looks like an archive of "docker save", but has no "${DOCKER_LIST_FILE}"`;
      throw new BundleCorruptError(location, reason, WRITE_AGAIN);
    }
    this.#list = list;
  }

  async read(): Promise<DockerArchive> {
    const manifests: object[] = [];
    for (const image of this.#parseList(await this.#readDocument(this.#list))) {
      const root = await this.#makeManifest(image);
      // Without a name it still is content
      const names = image.names.length > 0 ? image.names : [undefined];
      manifests.push(...names.map((name) => describe(root, name)));
    }
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.imageIndex, manifests };
    const table: LayoutTable = {
      path: "",
      repository: "",
      package: this.#index,
      index: this.#made(Buffer.from(JSON.stringify(index))),
      blobs: this.#blobs,
      isMade: true,
    };
    const found = [...this.#entries].map(
      ([digest, entry]) => [blobPath("", digest), entry] as const,
    );
    const entries = found
      .map(([path, entry]) => ({ ...entry, path }))
      .sort((left, right) => left.offset - right.offset);
    return { table, entries, names: new Map(found.map(([path, entry]) => [path, entry.path])) };
  }

  /** Bytes that are nowhere on the medium; in messages they stand where the list does. */
  #made(bytes: Buffer): Place {
    return { package: this.#index, offset: this.#list.offset, size: bytes.length, bytes };
  }

  async #makeManifest({ config, layers }: ListedImage): Promise<Content> {
    const entry = this.#resolve(config);
    const known = this.#configs.get(entry) ?? this.#readConfig(entry);
    this.#configs.set(entry, known);
    const { described, diffIds } = await known;
    if (diffIds.length !== layers.length) {
      const reason = `"${config}" has ${diffIds.length} layers, "${DOCKER_LIST_FILE}" lists ${layers.length}`;
      throw this.#corrupt(this.#list, reason);
    }
    const contents: Content[] = [];
    for (const [position, name] of layers.entries()) {
      contents.push(await this.#enterLayer(this.#resolve(name), diffIds[position] ?? ""));
    }
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MEDIA_TYPE.dockerManifest,
        config: described,
        layers: contents,
      }),
    );
    const digest = digestOf(manifest);
    this.#blobs.set(digest, this.#made(manifest));
    return { mediaType: MEDIA_TYPE.dockerManifest, size: manifest.length, digest };
  }

  /** Once, however many images of the list have it. */
  async #readConfig(entry: ScannedEntry): Promise<ImageConfig> {
    const bytes = await this.#readDocument(entry);
    const described = this.#enterConfig(entry, bytes);
    return { described, diffIds: this.#parseDiffIds(entry, bytes) };
  }

  /** The name of a config is its digest: nothing else tells of damage in it. */
  #enterConfig(entry: ScannedEntry, bytes: Buffer): Content {
    const digest = digestOf(bytes);
    const [named] = /[0-9a-f]{64}/.exec(posix.basename(entry.path)) ?? [];
    if (named !== undefined && digest !== `sha256:${named}`) {
      const location = this.#medium.locate({ package: this.#index, offset: entry.offset });
      throw new BundleContentMismatchError(location, `sha256:${named}`, `its digest is ${digest}`);
    }
    return this.#enter(entry, { mediaType: MEDIA_TYPE.dockerConfig, size: entry.size, digest });
  }

  #enter(entry: ScannedEntry, content: Content): Content {
    const { offset, size } = entry;
    if (!this.#blobs.has(content.digest)) {
      this.#blobs.set(content.digest, { package: this.#index, offset, size });
      this.#entries.set(content.digest, entry);
    }
    return content;
  }

  /** A plain layer has the digest that the config says; whoever reads it compares. A compressed one is read for its. */
  async #enterLayer(entry: ScannedEntry, diffId: Digest): Promise<Content> {
    const { offset, size } = entry;
    const head = { package: this.#index, offset, size: Math.min(size, 8) };
    const compression = compressionOf(await this.#medium.readBytes(head));
    if (compression !== undefined && compression !== "gzip" && compression !== "zstd") {
      const reason = `layer "${entry.path}" is compressed with ${compression}, which no registry's clients read`;
      throw this.#corrupt(entry, reason);
    }
    const mediaType = LAYER_TYPES[compression ?? "none"];
    if (compression === undefined) return this.#enter(entry, { mediaType, size, digest: diffId });
    const known = this.#layers.get(entry) ?? this.#hash(entry, mediaType);
    this.#layers.set(entry, known);
    return this.#enter(entry, await known);
  }

  async #hash({ offset, size }: ScannedEntry, mediaType: string): Promise<Content> {
    const hash = createHash("sha256");
    for (let position = 0; position < size; position += HASH_BYTES) {
      const length = Math.min(HASH_BYTES, size - position);
      const part = { package: this.#index, offset: offset + position, size: length };
      hash.update(await this.#medium.readBytes(part));
    }
    return { mediaType, size, digest: `sha256:${hash.digest("hex")}` };
  }

  /** The file behind a name; layers that several images have are links to one of them. */
  #resolve(name: string): ScannedEntry {
    let path = posix.normalize(name);
    for (let step = 0; step < LINK_LIMIT; step++) {
      const entry = this.#files.get(path);
      if (entry?.type === "file") return entry;
      if (entry?.target === undefined) break;
      path = entry.target;
    }
    const reason = `"${DOCKER_LIST_FILE}" lists "${name}", which the archive does not have`;
    throw this.#corrupt(this.#list, reason);
  }

  async #readDocument(entry: ScannedEntry): Promise<Buffer> {
    const { path, offset, size } = entry;
    if (size > MANIFEST_LIMIT_BYTES) throw this.#corrupt(entry, `"${path}" is larger than 4 MiB`);
    return await this.#medium.readBytes({ package: this.#index, offset, size });
  }

  #parseList(bytes: Buffer): ListedImage[] {
    const refuse = (reason: string) =>
      this.#corrupt(this.#list, `"${DOCKER_LIST_FILE}": ${reason}`);
    let list: unknown;
    try {
      list = parseStrictJson(bytes, DOCKER_LIST_FILE);
    } catch (error) {
      throw error instanceof ContentInvalidError ? refuse(error.reason) : error;
    }
    if (!Array.isArray(list)) throw refuse("it is not a list");
    return list.map((item: unknown, position) => {
      const { Config, RepoTags, Layers } = (item ?? {}) as Readonly<Record<string, unknown>>;
      // Programs in Go write an empty list as null
      const [names, layers] = [RepoTags ?? [], Layers ?? []];
      if (typeof Config !== "string" || !isTexts(names) || !isTexts(layers)) {
        throw refuse(`entry ${position} has no Config, RepoTags and Layers as they should be`);
      }
      return { config: Config, names, layers };
    });
  }

  #parseDiffIds(entry: ScannedEntry, bytes: Buffer): readonly Digest[] {
    let config: unknown;
    try {
      config = JSON.parse(bytes.toString());
    } catch {
      throw this.#corrupt(entry, `config "${entry.path}" is not JSON`);
    }
    const { rootfs } = (config ?? {}) as { readonly rootfs?: { readonly diff_ids?: unknown } };
    // An image of no layers has no list
    const ids = rootfs?.diff_ids ?? [];
    if (isTexts(ids) && ids.every(isDigest)) return ids;
    throw this.#corrupt(entry, `config "${entry.path}" does not list the digests of its layers`);
  }

  #corrupt({ offset }: ScannedEntry, reason: string): BundleCorruptError {
    const location = this.#medium.locate({ package: this.#index, offset });
    return new BundleCorruptError(location, reason, WRITE_AGAIN);
  }
}

function describe(root: Content, name: string | undefined): object {
  if (name === undefined) return root;
  const isTagged = name.lastIndexOf(":") > name.lastIndexOf("/");
  const full = isTagged ? name : `${name}:latest`;
  return { ...root, annotations: { [ANNOTATION.containerdName]: full } };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
