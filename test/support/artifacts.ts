import { createHash } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import {
  type BuildImageOptions,
  type BuildIndexOptions,
  type BuiltArtifact,
  type BuiltLayer,
  buildImage,
  buildIndex,
  buildLayer,
} from "../../src/demo/image-builder.ts";
import type { LayerFiles } from "../../src/demo/layer-archive.ts";
import { pseudoRandomBytes } from "../../src/demo/pseudo-random.ts";
import { storeArtifact } from "../../src/demo/store-artifact.ts";
import type { Descriptor } from "../../src/oci/descriptor.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { MEDIA_TYPE } from "../../src/oci/media-type.ts";
import type { EmbeddedRegistry } from "../../src/server/embedded-registry.ts";
import { bufferContent, type HeldBlob } from "../../src/server/memory-content.ts";

export interface ImageOptions extends Omit<BuildImageOptions, "layers"> {
  /** Number of layers, or the layers; default 1. Files go into one layer more, on top. */
  readonly layers?: number | readonly BuiltLayer[] | undefined;
  readonly files?: LayerFiles | undefined;
  /** Layers of images with different names have different bytes. */
  readonly name?: string | undefined;
}

/** An image with small layers: `image({ layers: 2, files: { "version.json": "{}" } })`. */
export function image({
  files,
  layers = 1,
  name = "image",
  ...options
}: ImageOptions = {}): BuiltArtifact {
  const lower =
    typeof layers === "number"
      ? Array.from({ length: layers }, (_, position) =>
          buildLayer({ [`${name}/layer-${position}.txt`]: `${name}, layer ${position}\n` }),
        )
      : layers;
  return buildImage({ ...options, layers: files ? [...lower, buildLayer(files)] : lower });
}

/** An index of the given images: `index([image({ platform: AMD64 }), image({ platform: ARM64 })])`. */
export function index(
  children: readonly BuiltArtifact[],
  options: Omit<BuildIndexOptions, "children"> = {},
): BuiltArtifact {
  return buildIndex({ ...options, children });
}

export const AMD64 = { os: "linux", architecture: "amd64" } as const;
export const ARM64 = { os: "linux", architecture: "arm64" } as const;

/** A blob of any type. */
export function blob(mediaType: string, bytes: Buffer): BuiltBlob {
  return { descriptor: describe(mediaType, bytes), content: bufferContent(bytes) };
}

export interface ArtifactOptions {
  readonly artifactType?: string | undefined;
  /** Default: the empty one. */
  readonly config?: BuiltBlob | undefined;
  readonly blobs?: readonly BuiltBlob[] | undefined;
  readonly subject?: Descriptor | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest that is no image, for example a signature of `subject`. */
export function artifact(options: ArtifactOptions = {}): BuiltArtifact {
  const { annotations, artifactType = "application/vnd.example.thing", subject } = options;
  const { blobs = [blob("text/plain", Buffer.from("an artifact\n"))] } = options;
  const { config = blob(MEDIA_TYPE.emptyConfig, Buffer.from("{}")) } = options;
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.imageManifest,
    artifactType,
    config: config.descriptor,
    layers: blobs.map(({ descriptor }) => descriptor),
    ...(subject ? { subject } : {}),
    ...(annotations ? { annotations } : {}),
  };
  const bytes = Buffer.from(JSON.stringify(document));
  const manifest = { descriptor: describe(MEDIA_TYPE.imageManifest, bytes), bytes };
  return { manifest, blobs: [config, ...blobs], children: [] };
}

/** A layer with these files. */
export function layer(files: LayerFiles): BuiltLayer {
  return buildLayer(files);
}

/** A layer of exactly `size` incompressible bytes that are made while they are read, so gigabytes cost no memory. */
export function randomLayer(size: number, seed = 1): BuiltLayer {
  const content: HeldBlob = {
    size,
    open: (start, end) => Readable.from(randomSlices(seed, start, end), { objectMode: false }),
  };
  const hash = createHash("sha256");
  for (const slice of randomSlices(seed, 0, size)) hash.update(slice);
  const digest = `sha256:${hash.digest("hex")}`;
  return {
    descriptor: { mediaType: MEDIA_TYPE.imageLayerGzip, digest, size },
    content,
    diffId: digest,
  };
}

/** Stores artifacts in an embedded registry, without HTTP: `seed(registry, "acme/web", { v1: image() })`. */
export function seed(
  registry: Pick<EmbeddedRegistry, "content">,
  repository: string,
  tagged: Readonly<Record<string, BuiltArtifact>>,
): void {
  for (const [tag, built] of Object.entries(tagged)) {
    storeArtifact(registry.content.repository(repository), built, [tag]);
  }
}

/** Stores artifacts in any registry over plain HTTP, with the plainest requests there are. */
export async function pushArtifacts(
  host: string,
  repository: string,
  tagged: Readonly<Record<string, BuiltArtifact>>,
  { headers = {} }: { readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const client: PlainClient = { base: `http://${host}/v2/${repository}`, headers };
  for (const [tag, built] of Object.entries(tagged)) await putArtifact(client, built, tag);
}

type BuiltBlob = BuiltArtifact["blobs"][number];

function describe(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** Bytes per step of a stream that is made while it is read. */
const SLICE_BYTES = 1024 * 1024;

function* randomSlices(seed: number, start: number, end: number): Generator<Buffer> {
  for (let at = start; at < end; at += SLICE_BYTES) {
    yield pseudoRandomBytes(seed, at, Math.min(at + SLICE_BYTES, end));
  }
}

interface PlainClient {
  readonly base: string;
  readonly headers: Readonly<Record<string, string>>;
}

async function putArtifact(
  client: PlainClient,
  { blobs, children, manifest }: BuiltArtifact,
  reference: string,
): Promise<void> {
  for (const child of children) await putArtifact(client, child, child.manifest.descriptor.digest);
  for (const blob of blobs) await putBlob(client, blob);
  await request(client, `${client.base}/manifests/${reference}`, {
    method: "PUT",
    headers: { "content-type": manifest.descriptor.mediaType },
    body: manifest.bytes,
  });
}

async function putBlob(client: PlainClient, { content, descriptor }: BuiltBlob): Promise<void> {
  const url = `${client.base}/blobs/${descriptor.digest}`;
  const { status } = await fetch(url, { method: "HEAD", headers: client.headers });
  if (status === 200) return;
  const started = await request(client, `${client.base}/blobs/uploads/`, { method: "POST" });
  const location = new URL(started.headers.get("location") ?? "", client.base);
  location.searchParams.set("digest", descriptor.digest);
  const headers = { ...client.headers, "content-length": String(content.size) };
  const put = httpRequest(location, { method: "PUT", headers });
  const answered = once(put, "response") as Promise<[IncomingMessage]>;
  await Promise.all([pipeline(content.open(0, content.size), put), answered]);
  const [response] = await answered;
  const answer = await text(response);
  if (response.statusCode !== 201)
    throw new Error(`PUT ${location}: ${response.statusCode} ${answer}`);
}

async function request(
  client: PlainClient,
  url: string,
  init: Omit<RequestInit, "headers"> & { readonly headers?: Record<string, string> },
): Promise<Response> {
  const response = await fetch(url, { ...init, headers: { ...client.headers, ...init.headers } });
  const answer = await response.text();
  if (!response.ok) throw new Error(`${init.method} ${url}: ${response.status} ${answer}`);
  return response;
}
