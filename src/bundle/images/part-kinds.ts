import { type CosignSuffix, formatCosignTag } from "../../oci/cosign-tag.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { formatReference, parseReference } from "../../oci/reference.ts";
import type { BundledTag, BundledTags } from "./bundled-tags.ts";

/** What `cosign save` writes as `kind`, and what hauler does, which began as a part of it. */
const PREFIXES = ["dev.cosignproject.cosign/", "dev.hauler/"] as const;
const IMAGES: ReadonlySet<string> = new Set(["image", "imageIndex"]);

/** What their tags would be in a registry. */
const PARTS: Readonly<Record<string, Pick<BundledTag, "kind"> & { suffix: CosignSuffix }>> = {
  sigs: { suffix: "sig", kind: "signature" },
  atts: { suffix: "att", kind: "attestation" },
  sboms: { suffix: "sbom", kind: "sbom" },
};

/** `dev.hauler/sigs` → `sigs`; empty for what says no such kind. */
function kindOf({ annotations }: Descriptor): string {
  const kind = annotations?.["kind"] ?? "";
  const prefix = PREFIXES.find((known) => kind.startsWith(known));
  return prefix === undefined ? "" : kind.slice(prefix.length);
}

export function isImageByKind(descriptor: Descriptor): boolean {
  return IMAGES.has(kindOf(descriptor));
}

/** What a descriptor, as it says itself, has of an image; undefined for an image, and for what says nothing. */
export function partKindOf(descriptor: Descriptor): (typeof PARTS)[string] | undefined {
  return PARTS[kindOf(descriptor)];
}

/**
 * hauler gives the name of an image to its signatures too, of which one would take the place of the image: each gets the
 * tag that it has in a registry, and what belongs to the image by its subject none.
 */
export function renameParts(tags: readonly BundledTag[]): Pick<BundledTags, "tags" | "unnamed"> {
  const nameOf = ({ repository, tag }: BundledTag) => `${repository}:${tag}`;
  const images = new Map(
    tags.filter(({ root }) => isImageByKind(root)).map((one) => [nameOf(one), one.root.digest]),
  );
  const [named, unnamed]: [BundledTag[], BundledTags["unnamed"][number][]] = [[], []];
  for (const one of tags) {
    const part = partKindOf(one.root);
    const subject = images.get(nameOf(one));
    const { layout, root } = one;
    if (part === undefined && !kindOf(root).startsWith("referrers")) named.push(one);
    else if (part === undefined || subject === undefined)
      unnamed.push({ layout, digest: root.digest, descriptor: root });
    else {
      const tag = formatCosignTag({ subject, suffix: part.suffix });
      named.push({ ...one, tag, kind: part.kind, source: besideSource(one.source, { tag }) });
    }
  }
  return { tags: named, unnamed };
}

/** The reference of what lies in the same repository as an image; empty if nothing says where that came from. */
export function besideSource(
  source: string,
  part: { readonly tag: string } | { readonly digest: Digest },
): string {
  if (!source.includes("/")) return "";
  const { registry, repository } = parseReference(source);
  return formatReference({ registry, repository, ...part });
}
