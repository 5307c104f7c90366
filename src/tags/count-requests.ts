import { isDigest } from "../oci/digest.ts";
import type { SourceRepository } from "../store/store.ts";
import type { TagsEvent } from "./read-tags-options.ts";

/** A source whose requests are counted and told. */
export function countRequests(
  source: SourceRepository,
  name: string,
  onEvent: (event: TagsEvent) => void,
): { readonly source: SourceRepository; readonly count: () => number } {
  let requests = 0;
  const note = (reference: string) => {
    requests += 1;
    onEvent({ type: "resolving", reference });
  };
  const place = (reference: string) => `${name}${isDigest(reference) ? "@" : ":"}${reference}`;
  return {
    count: () => requests,
    source: {
      fetch: (target, options) => {
        note(place(target.digest));
        return source.fetch(target, options);
      },
      fetchManifest: (reference, options) => {
        note(place(reference));
        return source.fetchManifest(reference, options);
      },
      resolve: (reference, options) => {
        note(place(reference));
        return source.resolve(reference, options);
      },
      referrers: (digest, options) => {
        note(place(digest));
        return source.referrers(digest, options);
      },
      listTags: (options) => {
        note(name);
        return source.listTags(options);
      },
      exists: (target, options) => source.exists(target, options),
      stat: (digest, options) => source.stat(digest, options),
    },
  };
}
