import { Readable } from "node:stream";
import type { MadeContent } from "../contents/contents.ts";
import type { Digest } from "../oci/digest.ts";
import { ContentMissingError } from "../store/errors.ts";
import type { Manifest, SourceRepository } from "../store/store.ts";

/**
 * What was made here as a repository: its manifest and the documents that it points at. Nothing belongs to it in any registry,
 * and no tag of one is another spelling of it.
 */
export function createMadeSource(root: Manifest, made: readonly MadeContent[]): SourceRepository {
  const { descriptor } = root;
  const absent = (what: string) => new ContentMissingError(descriptor.digest, `it has no ${what}`);
  const textOf = (digest: Digest) =>
    made.flatMap((content) =>
      content.kind === "text" && content.digest === digest ? Buffer.from(content.text) : [],
    )[0];
  return {
    async fetchManifest(reference) {
      if (reference === descriptor.digest) return root;
      throw absent(`manifest "${reference}"`);
    },
    async resolve(reference) {
      if (reference === descriptor.digest) return descriptor;
      throw absent(`manifest "${reference}"`);
    },
    async fetch({ digest }, { offset = 0, end } = {}) {
      const bytes = textOf(digest);
      if (bytes) return Readable.from([bytes.subarray(offset, end)]);
      throw absent(`document ${digest}`);
    },
    exists: async ({ digest }) => textOf(digest) !== undefined,
    async stat(digest) {
      const bytes = textOf(digest);
      return bytes && { size: bytes.length };
    },
    referrers: async () => [],
    async *listTags() {},
  };
}
