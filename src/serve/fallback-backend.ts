import type { Descriptor } from "../oci/descriptor.ts";
import type { Digest } from "../oci/digest.ts";
import type { RegistryBackend } from "../server/backend.ts";

/** What the first has, and everything else from the second. */
export function createFallbackBackend(
  first: RegistryBackend,
  second: RegistryBackend,
): RegistryBackend {
  return {
    async hasRepository(repository) {
      return (await first.hasRepository(repository)) || (await second.hasRepository(repository));
    },
    async statBlob(repository, digest) {
      return (await first.statBlob(repository, digest)) ?? second.statBlob(repository, digest);
    },
    async openBlob(repository, digest, range) {
      const isFirst = (await first.statBlob(repository, digest)) !== undefined;
      return await (isFirst ? first : second).openBlob(repository, digest, range);
    },
    async readManifest(repository, reference) {
      const found = await first.readManifest(repository, reference);
      return found ?? second.readManifest(repository, reference);
    },
    async listTags(repository) {
      const [own, others] = [await first.listTags(repository), await second.listTags(repository)];
      return own || others ? new Set([...(own ?? []), ...(others ?? [])]) : undefined;
    },
    // The second one may have more than anybody would list
    listRepositories: () => first.listRepositories(),
    async listReferrers(repository, digest) {
      const found = new Map<Digest, Descriptor>();
      for (const backend of [second, first]) {
        for (const referrer of await backend.listReferrers(repository, digest)) {
          found.set(referrer.digest, referrer);
        }
      }
      return [...found.values()];
    },
  };
}
