import type { Readable } from "node:stream";
import { coreOf, type Descriptor } from "../oci/descriptor.ts";
import { detectMediaType } from "../oci/detect-media-type.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { inlineContentOf } from "../oci/inline-content.ts";
import { formatReference, type RepositoryReference } from "../oci/reference.ts";
import type { FetchOptions, Manifest, OperationOptions, SourceRepository } from "../store/store.ts";
import type { ContentCache } from "./content-cache.ts";

type OpenSource = (reference: RepositoryReference) => SourceRepository;

/**
 * Sources that ask for nothing twice in a run: each repository is opened once, each manifest requested once by tag or
 * digest, and what a cache holds by digest is not requested at all.
 */
export function cacheSources(
  openSource: OpenSource,
  cache: ContentCache,
  onFetched: (digest: Digest) => void,
): OpenSource {
  const manifests = new Map<string, Promise<Manifest>>();
  return memoize((repository) => {
    const source = openSource(repository);
    const load = async (reference: string, options?: OperationOptions): Promise<Manifest> => {
      const bytes = isDigest(reference) ? await cache.read(reference) : undefined;
      if (bytes) {
        const mediaType = detectMediaType(bytes, reference);
        return { descriptor: { mediaType, digest: reference, size: bytes.length }, bytes };
      }
      const manifest = await source.fetchManifest(reference, options);
      await cache.write(manifest.descriptor.digest, manifest.bytes);
      // Some do not serve it, as it is there already: an empty config, most often
      for (const { digest, bytes } of inlineContentOf(manifest.bytes)) {
        await cache.write(digest, bytes);
      }
      onFetched(manifest.descriptor.digest);
      return manifest;
    };
    return {
      fetchManifest(reference, options) {
        const key = isDigest(reference)
          ? reference
          : formatReference({ ...repository, tag: reference });
        return remember(manifests, key, () => load(reference, options));
      },
      resolve: async (reference, options) => source.resolve(reference, options),
      fetch: (target: Descriptor, options?: FetchOptions): Promise<Readable> =>
        options?.offset || options?.end !== undefined
          ? source.fetch(target, options)
          : cache.through(coreOf(target), (offset) => {
              onFetched(target.digest);
              return source.fetch(target, { ...options, offset });
            }),
      exists: (target, options) => source.exists(target, options),
      stat: (digest, options) => source.stat(digest, options),
      referrers: (digest, options) => source.referrers(digest, options),
      listTags: (options) => source.listTags(options),
    };
  });
}

/** A failed request is forgotten, so that it can be tried again. */
function remember<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  load: () => Promise<Value>,
): Promise<Value> {
  const found = known.get(key);
  if (found !== undefined) return found;
  const loading = load();
  known.set(key, loading);
  loading.catch(() => known.delete(key));
  return loading;
}

function memoize(open: OpenSource): OpenSource {
  const opened = new Map<string, SourceRepository>();
  return (reference) => {
    const key = formatReference(reference);
    const source = opened.get(key) ?? open(reference);
    opened.set(key, source);
    return source;
  };
}
