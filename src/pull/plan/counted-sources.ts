import { pipeline, Transform } from "node:stream";
import type { RepositoryReference } from "../../oci/reference.ts";
import type { SourceRepository } from "../../store/store.ts";

type OpenSource = (reference: RepositoryReference) => SourceRepository;

/** Sources that tell of each piece of content how many bytes have come. */
export function countedSources(
  openSource: OpenSource,
  onBytes: (bytes: number) => void,
): OpenSource {
  return (reference) => {
    const source = openSource(reference);
    return {
      async fetchManifest(wanted, options) {
        const manifest = await source.fetchManifest(wanted, options);
        onBytes(manifest.bytes.length);
        return manifest;
      },
      async fetch(target, options) {
        const content = await source.fetch(target, options);
        // What goes wrong on either side ends the other
        return pipeline(content, countBytes(onBytes), () => {});
      },
      resolve: (wanted, options) => source.resolve(wanted, options),
      exists: (target, options) => source.exists(target, options),
      stat: (digest, options) => source.stat(digest, options),
      referrers: (digest, options) => source.referrers(digest, options),
      listTags: (options) => source.listTags(options),
    };
  };
}

function countBytes(onBytes: (bytes: number) => void): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      onBytes(chunk.length);
      done(null, chunk);
    },
  });
}
