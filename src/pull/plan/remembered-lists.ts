import type { MirrorError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { formatReference, type RepositoryReference } from "../../oci/reference.ts";
import { isMissing } from "../../store/errors.ts";
import type { OperationOptions, SourceRepository } from "../../store/store.ts";

type OpenSource = (reference: RepositoryReference) => SourceRepository;

/**
 * Sources that list their tags, and the referrers of a manifest, once in a run, whoever asks for them; nor is a tag that is
 * not there asked for again.
 */
export function rememberLists(openSource: OpenSource): OpenSource {
  const tags = new Map<string, Promise<readonly string[]>>();
  const referrers = new Map<string, Promise<readonly Descriptor[]>>();
  const absent = new Map<string, MirrorError>();
  return (reference) => {
    const source = openSource(reference);
    return {
      async fetchManifest(wanted, options) {
        const key = `${formatReference(reference)} ${wanted}`;
        const known = absent.get(key);
        if (known !== undefined) throw known;
        try {
          return await source.fetchManifest(wanted, options);
        } catch (error) {
          if (isMissing(error)) absent.set(key, error);
          throw error;
        }
      },
      fetch: (target, options) => source.fetch(target, options),
      resolve: (wanted, options) => source.resolve(wanted, options),
      exists: (target, options) => source.exists(target, options),
      stat: (digest, options) => source.stat(digest, options),
      async referrers(digest, { artifactType, ...options } = {}) {
        const key = formatReference({ ...reference, digest });
        const all = await remember(referrers, key, () => source.referrers(digest, options));
        return artifactType === undefined
          ? all
          : all.filter((referrer) => referrer.artifactType === artifactType);
      },
      async *listTags(options) {
        const key = formatReference(reference);
        yield* await remember(tags, key, () => collect(source, options));
      },
    };
  };
}

function remember<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  ask: () => Promise<Value>,
): Promise<Value> {
  const found = known.get(key) ?? ask();
  known.set(key, found);
  return found;
}

async function collect(
  source: SourceRepository,
  options: OperationOptions | undefined,
): Promise<readonly string[]> {
  const tags: string[] = [];
  for await (const tag of source.listTags(options)) tags.push(tag);
  return tags;
}
