import { join } from "node:path";
import { stat } from "../../io/file-system.ts";
import { childrenOf } from "../../oci/children.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import type { ContentKind } from "./content-names.ts";
import { DEFAULT_TTL_MS, type KeptFilesOptions } from "./kept-files.ts";
import type { PullStore } from "./pull-store.ts";
import {
  digestsOf,
  directoryOf,
  PUSHED,
  PushedPlaces,
  readdirIfThere,
  repositoriesIn,
} from "./pushed-places.ts";
import { PushedRepositories } from "./pushed-repositories.ts";
import { PushedTags } from "./pushed-tags.ts";

export interface PushedTag {
  /** `namespace/repository:tag` */
  readonly image: string;
  readonly digest: Digest;
}

/** The tags of all namespaces, in the order of their names. */
export async function listPushed(cacheDirectory: string): Promise<readonly PushedTag[]> {
  const found: PushedTag[] = [];
  for (const namespace of await namespacesIn(cacheDirectory)) {
    const places = placesOf(cacheDirectory, namespace);
    const tags = new PushedTags(places);
    for (const repository of await repositoriesOf(places, "manifests")) {
      for (const tag of await tags.list(repository)) {
        const digest = await tags.read(repository, tag);
        if (digest) found.push({ image: `${namespace}/${repository}:${tag}`, digest });
      }
    }
  }
  return found.sort((left, right) => (left.image < right.image ? -1 : 1));
}

/**
 * Makes the content of blobs that no manifest of their repository needs like that of any other; not that of recent ones, whose
 * manifest may be still to come.
 */
export async function dropUnneeded(
  store: PullStore,
  { now, ttlMs = DEFAULT_TTL_MS }: KeptFilesOptions,
): Promise<void> {
  for (const namespace of await namespacesIn(store.directory)) {
    const places = placesOf(store.directory, namespace);
    const pushed = new PushedRepositories(store, namespace);
    for (const repository of await repositoriesOf(places, "blobs")) {
      const needed = await neededIn(pushed, places, repository);
      const marks = (await readdirIfThere(places.folder(repository, "blobs"))) ?? [];
      for (const digest of digestsOf(marks).filter((found) => !needed.has(found))) {
        const { mtimeMs } = await stat(places.content(repository, "blobs", digest));
        if (now() - mtimeMs > ttlMs) await pushed.deleteBlob(repository, digest);
      }
    }
  }
}

/** Blobs of all manifests of the repository; rejects if one of these is lost, since nobody knows what it needs. */
async function neededIn(
  pushed: PushedRepositories,
  places: PushedPlaces,
  repository: string,
): Promise<ReadonlySet<Digest>> {
  const needed = new Set<Digest>();
  const marks = (await readdirIfThere(places.folder(repository, "manifests"))) ?? [];
  for (const digest of digestsOf(marks)) {
    const manifest = await pushed.readManifest(repository, digest);
    if (manifest === undefined) continue;
    const document = parseManifest(manifest.bytes, manifest.descriptor.mediaType, digest);
    for (const blob of childrenOf(document).blobs) needed.add(blob.digest);
  }
  return needed;
}

async function namespacesIn(cacheDirectory: string): Promise<readonly string[]> {
  const names = (await readdirIfThere(join(cacheDirectory, PUSHED))) ?? [];
  // No host has a _ in its name
  return names.map((name) => name.replaceAll("_", ":")).sort();
}

function placesOf(cacheDirectory: string, namespace: string): PushedPlaces {
  return new PushedPlaces(join(cacheDirectory, PUSHED, directoryOf(namespace)));
}

async function repositoriesOf(
  { directory }: PushedPlaces,
  kind: ContentKind,
): Promise<readonly string[]> {
  return repositoriesIn((await readdirIfThere(directory, { recursive: true })) ?? [], kind);
}
