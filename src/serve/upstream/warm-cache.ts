import pLimit from "p-limit";
import { allSettledOrThrow } from "../../all-settled.ts";
import { PullStore } from "../../cache/served/pull-store.ts";
import { MirrorError } from "../../errors.ts";
import { recycleReadBuffer } from "../../io/read-buffers.ts";
import { childrenOf, isForeignLayer } from "../../oci/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { matchesPlatform, type Platform, parsePlatform } from "../../oci/platform.ts";
import { formatReference, parseReference, type Reference } from "../../oci/reference.ts";
import type { RegistryBackend } from "../../server/backend.ts";
import { ContentMissingError } from "../../store/errors.ts";
import type { OperationOptions } from "../../store/store.ts";
import { describeFailure } from "../answered-events.ts";
import type { OnServeEvent } from "../serve-event.ts";
import { createUpstreamBackends, type UpstreamOptions } from "./open-upstreams.ts";

export interface WarmCacheOptions
  extends OperationOptions,
    Pick<UpstreamOptions, "upstreams" | "cacheLimitBytes" | "cacheTtlMs" | "revalidateMs" | "now"> {
  readonly cacheDirectory: string;
  /** References; default: every tag that was pulled through the cache, of the registries that are upstreams. */
  readonly images?: readonly string[] | undefined;
  /** `os/arch[/variant]`; default all, and of tags that were pulled those that were. */
  readonly platforms?: readonly string[] | undefined;
  readonly onEvent?: OnServeEvent | undefined;
}

export interface WarmedImage {
  /** `registry/repository:tag` */
  readonly image: string;
  /** What it is now; undefined: that could not be found out. */
  readonly digest?: Digest;
  /** Bytes of blobs that were fetched by this run. */
  readonly fetchedBytes: number;
  /** Why not all of it is kept. */
  readonly failure?: { readonly code: string; readonly message: string };
}

/** Blobs that are on their way at a time. */
const CONCURRENCY = 4;

interface Wish {
  readonly reference: Reference;
  readonly isWanted: (child: Descriptor) => boolean;
  /** Whether an index without any of what is wanted is a failure. */
  readonly isDemanded: boolean;
}

interface Room {
  readonly backends: ReadonlyMap<string, RegistryBackend>;
  /** What the disk has not taken. */
  readonly unkept: MirrorError[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Fetches images into the cache of a server, so that the first who asks for them does not wait: what is kept is not fetched
 * again, and tags are asked for by the same rule as when they are served. `TARGET_LOCKED` while a server uses the cache.
 */
export async function warmCache(options: WarmCacheOptions): Promise<readonly WarmedImage[]> {
  const {
    cacheDirectory,
    cacheLimitBytes,
    cacheTtlMs,
    now = Date.now,
    onEvent = () => {},
  } = options;
  const unkept: MirrorError[] = [];
  await using store = await PullStore.open(cacheDirectory, {
    limitBytes: cacheLimitBytes,
    ttlMs: cacheTtlMs,
    now,
    onUnkept: (error) => unkept.push(error),
  });
  const { backends } = createUpstreamBackends(store, { ...options, onEvent });
  const room = { backends, unkept, signal: options.signal };
  const warmed: WarmedImage[] = [];
  for (const wish of await collectWishes(store, backends, options)) {
    options.signal?.throwIfAborted();
    warmed.push(await warm(wish, room));
  }
  return warmed;
}

async function collectWishes(
  store: PullStore,
  backends: ReadonlyMap<string, RegistryBackend>,
  { images, platforms }: WarmCacheOptions,
): Promise<readonly Wish[]> {
  const wanted = platforms?.map(parsePlatform);
  if (images !== undefined) {
    const demand = { isWanted: isOneOf(wanted), isDemanded: true };
    return images.map((text) => ({ reference: parseReference(text), ...demand }));
  }
  const records = (await store.tags.listAll()).filter(({ namespace }) => backends.has(namespace));
  return await Promise.all(
    records.map(async ({ digest, namespace, repository, tag }) => ({
      reference: { registry: namespace, repository, tag },
      isWanted: isOneOf(wanted ?? (await platformsOf(store, digest))),
      isDemanded: false,
    })),
  );
}

/** What says no platform is wanted in any case. */
function isOneOf(wanted: readonly Platform[] | undefined) {
  return ({ platform }: Descriptor) =>
    !wanted || !platform || wanted.some((each) => matchesPlatform(each, platform));
}

/** Those of an index that somebody has pulled; undefined: it is none. */
async function platformsOf(
  store: PullStore,
  digest: Digest,
): Promise<readonly Platform[] | undefined> {
  const kept = await store.readManifest(digest);
  const document = kept && parseManifest(kept.bytes, kept.descriptor.mediaType, digest);
  if (document?.kind !== "index") return undefined;
  const found: Platform[] = [];
  for (const { digest: child, platform } of document.manifests) {
    if (platform && (await store.readManifest(child))) found.push(platform);
  }
  return found;
}

async function warm({ reference, ...demand }: Wish, room: Room): Promise<WarmedImage> {
  const image = formatReference(reference);
  const taken = { fetchedBytes: 0, digest: undefined as Digest | undefined };
  const failures = room.unkept.length;
  try {
    const { registry, repository, digest, tag = "latest" } = reference;
    const backend = room.backends.get(registry);
    if (backend === undefined) throw notUpstream(image, registry);
    const place = { backend, repository, image };
    const blobs = new Map<Digest, Descriptor>();
    taken.digest = await collectBlobs(place, digest ?? tag, { blobs, ...demand });
    const limit = pLimit(CONCURRENCY);
    // One that fails keeps none of the others away
    const fetching = [...blobs.values()].map((blob) =>
      limit(async () => {
        room.signal?.throwIfAborted();
        // In two steps: others add to it meanwhile
        const bytes = await fetchBlob(place, blob);
        taken.fetchedBytes += bytes;
      }),
    );
    await allSettledOrThrow(fetching);
    const [failure] = room.unkept.slice(failures);
    if (failure) throw failure;
  } catch (error) {
    if (!(error instanceof MirrorError)) throw error;
    return { image, ...told(taken), failure: describeFailure(error) };
  }
  return { image, ...told(taken) };
}

function told({
  digest,
  fetchedBytes,
}: {
  readonly digest: Digest | undefined;
  readonly fetchedBytes: number;
}): Omit<WarmedImage, "image"> {
  return { ...(digest === undefined ? {} : { digest }), fetchedBytes };
}

function notUpstream(image: string, registry: string): ContentMissingError {
  return new ContentMissingError(image, `${registry} is no upstream`, {
    hint: "Name it as an upstream, as the server does",
  });
}

interface Place {
  readonly backend: RegistryBackend;
  readonly repository: string;
  /** As its user named it. */
  readonly image: string;
}

/** Reads the manifests; returns the digest of what was asked for. */
async function collectBlobs(
  place: Place,
  reference: string,
  found: Omit<Wish, "reference"> & { readonly blobs: Map<Digest, Descriptor> },
): Promise<Digest> {
  const manifest = await place.backend.readManifest(place.repository, reference);
  if (manifest === undefined) {
    throw new ContentMissingError(place.image, `the upstream does not have ${reference}`);
  }
  const { bytes, descriptor } = manifest;
  const children = childrenOf(parseManifest(bytes, descriptor.mediaType, descriptor.digest));
  const wanted = children.manifests.filter(found.isWanted);
  if (found.isDemanded && wanted.length === 0 && children.manifests.length > 0) {
    throw new ContentMissingError(place.image, "it has none of the platforms that are wanted");
  }
  for (const child of wanted) await collectBlobs(place, child.digest, found);
  for (const blob of children.blobs) found.blobs.set(blob.digest, blob);
  return descriptor.digest;
}

/** Returns the bytes that had to come. */
async function fetchBlob({ backend, image, repository }: Place, blob: Descriptor): Promise<number> {
  const stat = await backend.statBlob(repository, blob.digest);
  if (stat === undefined) {
    // Registries need not have them: clients ask the addresses that the layer names
    if (isForeignLayer(blob)) return 0;
    throw new ContentMissingError(image, `the upstream does not have blob ${blob.digest}`);
  }
  if (stat.cache === "hit") return 0;
  const body = await backend.openBlob(repository, blob.digest, { start: 0, end: stat.size });
  for await (const piece of body as AsyncIterable<Buffer>) recycleReadBuffer(piece);
  return stat.size;
}
