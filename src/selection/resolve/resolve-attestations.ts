import { isDigest, parseDigest } from "../../oci/digest.ts";
import { formatReference } from "../../oci/reference.ts";
import { SelectionUnmatchedError } from "../errors.ts";
import type { SourceSelection } from "../grammar/selection.ts";
import type { Root } from "./root.ts";
import { formatFound, type SourceReader } from "./source-reader.ts";
import { tryListTags } from "./try-list-tags.ts";
import { allMatched } from "./unmatched.ts";

/**
 * The VEX attestations of images: `sha256-<hex>.att` in the repository of the image. One tag list says which exist; a
 * source that gives no list is asked for each.
 */
export async function resolveAttestations(
  { vex, proxyRegistry }: SourceSelection,
  roots: readonly Root[],
  reader: SourceReader,
): Promise<Root[]> {
  if (!vex) return [];
  const groups = await allMatched(
    [...groupByOrigin(roots)].map(async (images) => {
      const [first] = images;
      if (first === undefined) return [];
      const listed = proxyRegistry ? "refused" : await tryListTags(reader, first.origin);
      const tags = typeof listed === "string" ? undefined : new Set(listed);
      return allMatched(images.map((image) => findAttestation(image, tags, reader)));
    }),
  );
  return groups.flat(2);
}

/** Repositories with images that are addressed by digest: only those have attestations. */
function groupByOrigin(roots: readonly Root[]): Iterable<readonly Root[]> {
  const groups = new Map<string, Root[]>();
  for (const root of roots) {
    if (root.kind !== "image") continue;
    const name = formatReference(root.origin);
    groups.set(name, [...(groups.get(name) ?? []), root]);
  }
  return [...groups.values()].filter((images) =>
    images.some(({ reference }) => isDigest(reference)),
  );
}

async function findAttestation(
  image: Root,
  tags: ReadonlySet<string> | undefined,
  reader: SourceReader,
): Promise<Root[]> {
  const { algorithm, encoded } = parseDigest(image.manifest.descriptor.digest);
  const reference = `${algorithm}-${encoded}.att`;
  if (tags !== undefined && !tags.has(reference)) return [];
  const manifest = await reader.findManifest(image.origin, reference);
  if (manifest === undefined && tags !== undefined) {
    throw new SelectionUnmatchedError(
      `attestation "${formatFound(image.origin, reference)}"`,
      "the repository lists the tag, but does not have it",
    );
  }
  // without a list the question was whether there is one
  if (manifest === undefined) return [];
  const subject = image.manifest.descriptor.digest;
  return [{ ...image, tags: [reference], kind: "attestation", subject, reference, manifest }];
}
