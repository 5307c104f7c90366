import { childrenOf } from "../oci/children.ts";
import type { Digest } from "../oci/digest.ts";
import type { ManifestDocument } from "../oci/manifest.ts";

interface Ordered {
  readonly descriptor: { readonly digest: Digest };
  readonly document: ManifestDocument;
}

/**
 * Manifests that come behind their children, put behind their subjects too where these are among them: an index may list an
 * attestation before its image, and GitLab takes no manifest whose subject it does not have. Otherwise the order stays.
 */
export function subjectsFirst<Manifest extends Ordered>(
  manifests: readonly Manifest[],
): readonly Manifest[] {
  if (isOrdered(manifests)) return manifests;
  const byDigest = new Map(manifests.map((one) => [one.descriptor.digest, one]));
  const begun = new Set<Manifest>();
  const placed = new Set<Manifest>();
  // No recursion: a chain of subjects may be as long as an index
  const open = manifests.toReversed();
  for (let manifest = open.at(-1); manifest !== undefined; manifest = open.at(-1)) {
    const needed = begun.has(manifest)
      ? []
      : neededBy(manifest.document)
          .flatMap((digest) => byDigest.get(digest) ?? [])
          .filter((one) => !begun.has(one));
    begun.add(manifest);
    if (needed.length === 0) {
      open.pop();
      placed.add(manifest);
    } else open.push(...needed.reverse());
  }
  return [...placed];
}

/** Nearly always: then nothing is made anew. */
function isOrdered(manifests: readonly Ordered[]): boolean {
  const subjects = manifests.flatMap(({ document }) => document.subject?.digest ?? []);
  if (subjects.length === 0) return true;
  const places = new Map(manifests.map(({ descriptor }, place) => [descriptor.digest, place]));
  return manifests.every(({ document }, place) => {
    const subject = document.subject && places.get(document.subject.digest);
    return subject === undefined || subject < place;
  });
}

function neededBy(document: ManifestDocument): readonly Digest[] {
  const children = childrenOf(document).manifests.map(({ digest }) => digest);
  return document.subject ? [...children, document.subject.digest] : children;
}
