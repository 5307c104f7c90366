import { isMirrorError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { MEDIA_TYPE } from "../oci/media-type.ts";
import type { RegistryBackend } from "../server/backend.ts";
import type { SourceRepository } from "../store/store.ts";
import type { ServedRepositories } from "./served-repository.ts";

/** Serves repositories straight from the stores that they are in. */
export function createStoreBackend(repositories: ServedRepositories): RegistryBackend {
  const storesOf = (repository: string) => repositories.get(repository)?.stores ?? [];

  /** The store that has the content; several may. */
  async function locate(repository: string, digest: Digest) {
    for (const store of storesOf(repository)) {
      const stat = await store.stat(digest);
      if (stat !== undefined) return { store, size: stat.size };
    }
    return undefined;
  }

  return {
    hasRepository: async (repository) => repositories.has(repository),
    statBlob: locate,
    async openBlob(repository, digest, { start, end }) {
      const found = await locate(repository, digest);
      if (found === undefined) throw new Error(`blob ${digest} is gone from "${repository}"`);
      const target = { mediaType: MEDIA_TYPE.octetStream, digest, size: found.size };
      return found.store.fetch(target, { offset: start, end });
    },
    async readManifest(repository, reference) {
      const tagged = repositories.get(repository)?.tags.get(reference);
      if (tagged) return tagged.store.fetchManifest(reference);
      if (!isDigest(reference)) return undefined;
      for (const store of storesOf(repository)) {
        const found = await present(store.fetchManifest(reference));
        if (found !== undefined) return found;
      }
      return undefined;
    },
    listTags: async (repository) => repositories.get(repository)?.tags.keys(),
    listRepositories: async () => repositories.keys(),
    listReferrers: (repository, digest) => listReferrers(storesOf(repository), digest),
  };
}

async function listReferrers(
  stores: readonly SourceRepository[],
  digest: Digest,
): Promise<readonly Descriptor[]> {
  const found = new Map<Digest, Descriptor>();
  for (const store of stores) {
    for (const referrer of await store.referrers(digest)) found.set(referrer.digest, referrer);
  }
  return [...found.values()];
}

/** Only what is missing is nothing; what is damaged is a failure. */
async function present<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMirrorError(error, "CONTENT_MISSING")) return undefined;
    throw error;
  }
}
