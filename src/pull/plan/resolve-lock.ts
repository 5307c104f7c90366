import { resolve } from "node:path";
import { createMadeSource } from "../../artifacts/made-source.ts";
import { formatCanonicalJson } from "../../bundle/format/canonical-json.ts";
import type { BundleImage, BundleLayout } from "../../bundle/read/bundle-manifest.ts";
import { cacheSources } from "../../cache/cached-source.ts";
import type { ImageContents, MadeContent, PackageContents } from "../../contents/contents.ts";
import { type Failure, isImageFailure, toFailure } from "../../failure.ts";
import type { Lock, LockedPackage } from "../../lock/lock.ts";
import { childrenOf } from "../../oci/children.ts";
import { type Digest, verifyDigest } from "../../oci/digest.ts";
import { ContentInvalidError } from "../../oci/errors.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { parseFullReference } from "../../oci/reference.ts";
import { joinSignals } from "../../run/batch.ts";
import { mapLimited } from "../../run/map-limited.ts";
import type { Root } from "../../selection/resolve/root.ts";
import { ContentMissingError, isMissing } from "../../store/errors.ts";
import type { Manifest, SourceRepository } from "../../store/store.ts";
import { describeImage } from "../directory/describe-bundle.ts";
import { countedSources } from "./counted-sources.ts";
import { describeRoot, nameOfRoot } from "./describe-root.ts";
import type { ResolvedContents, ResolvingOptions } from "./resolve-contents.ts";

/** Requests at once, as in resolving. */
const CONCURRENCY = 12;

/** The contents of a lock: everything is asked for by its digest, no tag and no list is looked at. */
export async function resolveLock(
  lock: Lock,
  options: ResolvingOptions,
): Promise<ResolvedContents> {
  const { cache, onEvent } = options;
  const signal = joinSignals(options.signal);
  const fetched = new Set<Digest>();
  const counted = countedSources(options.openSource, (bytes) =>
    onEvent({ type: "resolving-progress", bytes }),
  );
  const openSource = cacheSources(counted, cache, (digest) => fetched.add(digest));
  const failures: Failure[] = [];
  const unlock = async (place: LockedPlace): Promise<ImageContents[]> => {
    const name = nameOf(place);
    try {
      const { origin } = originOf(place.image);
      onEvent({ type: "resolving", reference: name });
      const made = madeOf(place.image, lock);
      const source = made ? createMadeSource(made.root, made.contents) : openSource(origin);
      const settled = { lock, source, made: made?.contents, options, signal };
      const image = await unlockImage(place, settled);
      options.onImage?.(image);
      return [image];
    } catch (error) {
      if (!isImageFailure(error)) throw error;
      failures.push(toFailure(error, name));
      return [];
    }
  };
  const places = lock.packages.flatMap((pack) =>
    pack.layouts.flatMap(({ path, images }) => images.map((image) => ({ pack, path, image }))),
  );
  const unlocked = (await mapLimited(places, CONCURRENCY, unlock)).values();
  const contents = lock.packages.map(({ name, kind, layouts }): PackageContents => {
    // As many as were asked for of each, in the same order
    const nextOf = ({ images }: BundleLayout) => images.flatMap(() => unlocked.next().value ?? []);
    return { name, kind, layouts: layouts.map((one) => ({ path: one.path, images: nextOf(one) })) };
  });
  return {
    contents,
    extraFiles: lock.extraFiles ?? [],
    // What the selection left out was left out when the lock was made
    exclusions: [],
    failures,
    chartImages: [],
    fetched,
  };
}

/** An image of a lock, and where it goes in the bundle. */
interface LockedPlace {
  readonly pack: LockedPackage;
  readonly path: string;
  readonly image: BundleImage;
}

interface UnlockOptions {
  readonly lock: Lock;
  readonly source: SourceRepository;
  /** Of what is in no registry. */
  readonly made: readonly MadeContent[] | undefined;
  readonly options: ResolvingOptions;
  readonly signal: AbortSignal | undefined;
}

async function unlockImage(
  place: LockedPlace,
  { lock, source, made, options, signal }: UnlockOptions,
): Promise<ImageContents> {
  const root = { ...toRoot(place, await fetchPinned(place, source, signal)), made };
  const { omitted = [] } = place.image;
  const missing = omitted.filter(({ kind }) => kind === "missing-attestation");
  const { platforms = [], skipForeignLayers = false } = lock.selection;
  const contents = await describeRoot(root, source, {
    ...options,
    signal,
    selection: { platforms, skipForeignLayers, skipMissingAttestations: false },
    leftOut: new Set(missing.map(({ digest }) => digest)),
  });
  requireSame(describeImage(contents), place.image, nameOfRoot(root));
  return contents;
}

/** What a lock has of an image that is in no registry: its manifest, and all that this points at. */
function madeOf(
  { digest, mediaType, source }: BundleImage,
  { made = [] }: Lock,
): { readonly root: Manifest; readonly contents: readonly MadeContent[] } | undefined {
  const text = made.find((content) => content.digest === digest);
  if (text?.kind !== "text") return undefined;
  const bytes = Buffer.from(text.text);
  verifyDigest(bytes, digest);
  const { manifests, blobs } = childrenOf(parseManifest(bytes, mediaType, source));
  const wanted = new Set([digest, ...[...manifests, ...blobs].map((child) => child.digest)]);
  const contents = made.flatMap((content): MadeContent[] => {
    if (!wanted.has(content.digest)) return [];
    return [content.kind === "file" ? { ...content, path: resolve(content.path) } : content];
  });
  return { root: { descriptor: { mediaType, digest, size: bytes.length }, bytes }, contents };
}

async function fetchPinned(
  place: LockedPlace,
  source: SourceRepository,
  signal: AbortSignal | undefined,
): Promise<Manifest> {
  const { digest, sourceDigest = digest } = place.image;
  try {
    return await source.fetchManifest(sourceDigest, { signal });
  } catch (error) {
    if (!isMissing(error)) throw error;
    const reason = `the source does not have ${sourceDigest} any more, which the lock pins`;
    throw new ContentMissingError(`image "${nameOf(place)}"`, reason, { hint: GONE, cause: error });
  }
}

const GONE = "Take it from a bundle that has it, or make a new lock of what the source has now";

function toRoot({ pack, path, image }: LockedPlace, manifest: Manifest): Root {
  const { repository, tags, kind, subject } = image;
  return {
    packageName: pack.name,
    packageKind: pack.kind,
    layout: path,
    repository,
    tags,
    kind,
    subject,
    ...originOf(image),
    manifest,
  };
}

function originOf({ source, digest }: BundleImage): Pick<Root, "origin" | "reference"> {
  const { registry, repository, tag, digest: named } = parseFullReference(source);
  return { origin: { registry, repository }, reference: named ?? tag ?? digest };
}

function nameOf({ image }: LockedPlace): string {
  return image.source;
}

/** What is made of a manifest is the program's: another version may leave out other parts of an index. */
function requireSame(made: BundleImage, locked: BundleImage, name: string): void {
  if (formatCanonicalJson(made) === formatCanonicalJson(locked)) return;
  const reason =
    made.digest === locked.digest
      ? `the lock says of ${locked.digest} what is not so`
      : `the lock pins ${locked.digest}, and this version of the program makes ${made.digest} of it`;
  throw new ContentInvalidError(`image "${name}"`, reason, {
    hint: "Make a new lock with this version",
  });
}
