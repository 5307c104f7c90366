import { parseDigest } from "../../oci/digest.ts";
import { targetPathOf } from "../../oci/target-path.ts";
import { parseImageVersion } from "../../versions/tag-version.ts";
import type { ImageSelector, Selection, VersionFilter } from "../grammar/selection.ts";
import { selectTags } from "../grammar/version-filter.ts";
import { listCandidates } from "./list-candidates.ts";
import type { Root } from "./root.ts";
import type { FoundImage, SourceReader } from "./source-reader.ts";
import { allMatched, imageUnmatched } from "./unmatched.ts";

const DEFAULT_TAG = "latest";

/** The roots of the images that were named one by one. */
export async function resolveImages(selection: Selection, reader: SourceReader): Promise<Root[]> {
  const roots = await allMatched(
    selection.images.map((selector) => resolveImage(selector, selection, reader)),
  );
  return roots.flat();
}

async function resolveImage(
  selector: ImageSelector,
  selection: Selection,
  reader: SourceReader,
): Promise<Root[]> {
  const { reference, filter } = selector;
  const { tag, digest } = reference;
  const repository = { registry: reference.registry, repository: reference.repository };
  if (filter.kind === "range") {
    const tags = await selectImageTags({ ...selector, filter }, selection, reader);
    return allMatched(
      tags.map(async (match) =>
        createRoot(await findImage(selector, { repository, reference: match }, reader), [match]),
      ),
    );
  }
  const wanted = digest ?? tag ?? DEFAULT_TAG;
  const image = await findImage(selector, { repository, reference: wanted }, reader);
  const tags =
    digest === undefined ? [wanted] : [parseDigest(digest).encoded, ...(tag ? [tag] : [])];
  return [createRoot(image, tags)];
}

async function selectImageTags(
  {
    text,
    reference,
    filter,
  }: ImageSelector & { readonly filter: VersionFilter & { kind: "range" } },
  selection: Selection,
  reader: SourceReader,
): Promise<string[]> {
  const { registry, repository } = reference;
  const { latestPatch } = selection;
  const options = {
    // The flag is about the registry of the source
    selection: {
      proxyRegistry: selection.proxyRegistry && registry === selection.source?.registry,
    },
    reader,
    prefixes: ["", "v"],
    parse: parseImageVersion,
  };
  const tags = (await listCandidates({ registry, repository }, filter, options)) ?? [];
  const selected = selectTags(tags, filter, { latestPatch, parse: parseImageVersion });
  if (selected.length > 0) return selected;
  throw await imageUnmatched(
    { registry, repository },
    {
      reader,
      subject: `image "${text}"`,
      reason: "no tag lies in this range",
    },
  );
}

async function findImage(
  { text }: ImageSelector,
  { repository, reference }: Omit<FoundImage, "manifest">,
  reader: SourceReader,
): Promise<FoundImage> {
  const manifest = await reader.findManifest(repository, reference);
  if (manifest !== undefined) return { repository, reference, manifest };
  throw await imageUnmatched(repository, {
    reader,
    subject: `image "${text}"`,
    reason: `the repository does not have "${reference}"`,
    wanted: reference,
  });
}

function createRoot(
  { repository, reference, manifest }: FoundImage,
  tags: readonly string[],
): Root {
  return {
    packageName: "images",
    packageKind: "images",
    layout: "",
    repository: targetPathOf(repository),
    tags,
    kind: "image",
    origin: repository,
    reference,
    manifest,
  };
}
