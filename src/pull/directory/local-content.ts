import { Readable } from "node:stream";
import type { MadeContent } from "../../contents/contents.ts";
import { OptionInvalidError } from "../../errors.ts";
import { readUnchanged } from "../../io/read-unchanged.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import { ContentMissingError } from "../../store/errors.ts";
import type { FetchOptions, SourceRepository, WebSource } from "../../store/store.ts";
import type { PinnedPlan } from "./pull-state.ts";

/** Opens what blobs are fetched from. */
export type OpenBlobSource = (
  reference: RepositoryReference,
) => Pick<SourceRepository, "fetch" | "fetchInto">;

export interface LocalContentOptions {
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  readonly web: WebSource | undefined;
}

/**
 * Sources that also have what is in no registry: indexes of which parts were left out, the documents of what is made here,
 * files of web servers and of this machine. The plan says where each is, so that a later run finds it too.
 */
export function withLocalContent(
  { openSource, web }: LocalContentOptions,
  { contents }: PinnedPlan,
): OpenBlobSource {
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const local = new Map<Digest, MadeContent>(
    images.flatMap(({ made = [], rewritten = [] }) => [
      ...rewritten.map(({ digest, text }) => [digest, { kind: "text", digest, text }] as const),
      ...made.map((content) => [content.digest, content] as const),
    ]),
  );
  return (reference) => ({
    fetch: async (target, options = {}) => {
      const content = local.get(target.digest);
      if (content === undefined) return await openSource(reference).fetch(target, options);
      return await openLocal(content, target, { ...options, web });
    },
    fetchInto: async (target, places, options) => {
      if (local.has(target.digest)) return false;
      return (await openSource(reference).fetchInto?.(target, places, options)) ?? false;
    },
  });
}

interface OpenLocalOptions extends FetchOptions {
  readonly web: WebSource | undefined;
}

async function openLocal(
  content: MadeContent,
  target: Descriptor,
  { offset = 0, web, signal }: OpenLocalOptions,
): Promise<Readable> {
  if (content.kind === "text") return Readable.from([Buffer.from(content.text).subarray(offset)]);
  if (content.kind === "file")
    return await readUnchanged({ ...content, size: target.size }, offset);
  if (!web) throw new OptionInvalidError("web", "charts of repositories need it");
  const options = { limitBytes: target.size, namedBy: new URL(content.namedBy), signal };
  const file = await web.fetchFile(new URL(content.address), options);
  if (file !== undefined && file !== "unchanged") {
    return Readable.from([file.bytes.subarray(offset)]);
  }
  throw new ContentMissingError(`"${content.address}"`, "it does not exist any more");
}
