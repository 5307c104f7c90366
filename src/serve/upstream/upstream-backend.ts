import { childrenOf } from "../../oci/children.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { MEDIA_TYPE } from "../../oci/media-type.ts";
import type { BlobStat, RegistryBackend, ServedManifest } from "../../server/backend.ts";
import type { Manifest, SourceRepository } from "../../store/store.ts";
import { UpstreamError } from "../errors.ts";
import { RecentLists } from "./recent-lists.ts";
import { listUpstreamReferrers } from "./upstream-referrers.ts";
import { UpstreamTags, type UpstreamTagsOptions } from "./upstream-tags.ts";

/** Serves what an upstream has, through a store on disk. */
export function createUpstreamBackend(options: UpstreamTagsOptions): RegistryBackend {
  const { access, store } = options;
  const tags = new UpstreamTags(options);
  const sizes = new ToldSizes();
  const lists = new RecentLists(access);

  async function readByDigest(
    repository: string,
    digest: Digest,
  ): Promise<ServedManifest | undefined> {
    const kept = await store.readManifest(digest);
    if (kept) return { ...kept, cache: "hit" };
    const found = await access.ask(repository, digest, (source, asking) => {
      return source.fetchManifest(digest, asking);
    });
    if (found) await store.writeManifest(found);
    return found && { ...found, cache: "miss" };
  }

  async function statBlob(repository: string, digest: Digest): Promise<BlobStat | undefined> {
    const kept = store.sizeOf(digest);
    if (kept !== undefined) return { size: kept, cache: "hit" };
    const told = access.isOffline ? undefined : sizes.get(repository, digest);
    if (told !== undefined) return { size: told, cache: "miss" };
    const found = await access.ask(repository, `blob ${digest}`, (source, asking) => {
      return source.stat(digest, asking);
    });
    return found && { size: found.size, cache: "miss" };
  }

  return {
    // Nobody can tell without asking for something that is in it
    hasRepository: async () => true,
    statBlob,
    async openBlob(repository, digest, range) {
      // Gone since it was looked for: the question below says so
      const size = (await statBlob(repository, digest))?.size ?? 0;
      const target = { mediaType: MEDIA_TYPE.octetStream, digest, size };
      const { signal } = store;
      const ask = async <Value>(load: (source: SourceRepository) => Promise<Value>) => {
        const found = await access.ask(repository, `blob ${digest}`, load);
        if (found !== undefined) return found;
        const place = `${access.namespace}/${repository}`;
        const reason = `it does not have the blob ${digest}`;
        throw new UpstreamError(place, reason, { code: "REGISTRY_NOT_FOUND" });
      };
      return await store.open(
        target,
        range,
        (offset) => ask((source) => source.fetch(target, { offset, signal })),
        (places, options) =>
          ask(async (source) => {
            return (await source.fetchInto?.(target, places, { ...options, signal })) ?? false;
          }),
      );
    },
    async readManifest(repository, reference) {
      const found = isDigest(reference)
        ? await access.share(`manifest ${repository}@${reference}`, () => {
            return readByDigest(repository, reference);
          })
        : await tags.read(repository, reference);
      if (found) sizes.note(repository, found);
      return found;
    },
    async listTags(repository) {
      const { isOffline, namespace } = access;
      if (isOffline) return await store.tags.list({ namespace, repository });
      return await lists.share(repository, () =>
        access.ask(repository, "tags", async (source, asking) => {
          const found: string[] = [];
          for await (const tag of source.listTags(asking)) found.push(tag);
          return found;
        }),
      );
    },
    async listRepositories() {
      throw new UpstreamError(access.namespace, "lists of repositories are not passed on");
    },
    listReferrers: (repository, digest) => listUpstreamReferrers(options, repository, digest),
  };
}

/** Blobs that are remembered; more of them cost a request each again. */
const SIZES_LIMIT = 200_000;

/** What manifests say of the sizes of their blobs spares a request for each. Nothing of other repositories counts. */
class ToldSizes {
  readonly #sizes = new Map<string, number>();

  get(repository: string, digest: Digest): number | undefined {
    return this.#sizes.get(`${repository} ${digest}`);
  }

  note(repository: string, manifest: Manifest): void {
    if (this.#sizes.size > SIZES_LIMIT) this.#sizes.clear();
    for (const { digest, size } of blobsOf(manifest)) {
      this.#sizes.set(`${repository} ${digest}`, size);
    }
  }
}

/** A document that cannot be read is passed on as it is: whoever asked for it knows what to make of it. */
function blobsOf({ bytes, descriptor }: Manifest): readonly Descriptor[] {
  try {
    const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
    return childrenOf(document).blobs;
  } catch {
    return [];
  }
}
