import type { LayoutTable } from "../bundle/format/layout-table.ts";
import type { BundledReferrer, BundledTag, BundledTags } from "../bundle/images/bundled-tags.ts";
import type { BundleReader } from "../bundle/read/bundle-reader.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import type { Digest } from "../oci/digest.ts";
import { option } from "../option.ts";
import type { NamedManifest } from "./check-signatures.ts";

/** Everything that a bundle publishes, or would if it had a name. */
export function bundledManifests(
  reader: BundleReader,
  { tags, referrers, unnamed }: BundledTags,
): NamedManifest[] {
  const found = new Map<string, NamedManifest>();
  for (const one of [...tags, ...referrers]) {
    const key = `${one.repository}@${one.root.digest}`;
    found.set(key, join(toManifest(reader, one), found.get(key)));
  }
  const sources = sourcesOf(reader);
  const others = unnamed.map(({ layout, descriptor: root }) => {
    return { repository: layout.repository, tags: [], root, read: readerOf(reader, layout) };
  });
  return [...found.values(), ...others].map((one) => {
    return { ...one, sourceDigest: sources.get(one.root.digest) };
  });
}

/** What manifests were before parts of them were left out, as far as `bundle.json` says. */
export function sourcesOf({ manifest }: BundleReader): ReadonlyMap<Digest, Digest> {
  const layouts = manifest?.packages.flatMap((one) => one.layouts) ?? [];
  const images = layouts.flatMap((layout) => layout.images);
  return new Map(
    images.flatMap(({ digest, sourceDigest }) => (sourceDigest ? [[digest, sourceDigest]] : [])),
  );
}

function toManifest(reader: BundleReader, one: BundledTag | BundledReferrer): NamedManifest {
  const { layout, repository, root } = one;
  const isTagged = "tag" in one;
  return {
    repository,
    root,
    tags: isTagged ? [one.tag] : [],
    subject: isTagged ? parseCosignTag(one.tag)?.subject : one.subject,
    read: readerOf(reader, layout),
  };
}

function join(one: NamedManifest, known: NamedManifest = one): NamedManifest {
  const tags = [...new Set([...known.tags, ...one.tags])];
  return { ...known, tags, subject: known.subject ?? one.subject };
}

/** Why there may be no signature at all. */
export function hintOf({ manifest }: BundleReader): string | undefined {
  return hintOfSelection(manifest?.selection);
}

/** The same for what a bundle says of its selection, which nobody has to believe. */
export function hintOfSelection(selection: unknown): string | undefined {
  const { skipReferrers, referrerTypes } = (selection ?? {}) as {
    readonly skipReferrers?: unknown;
    readonly referrerTypes?: unknown;
  };
  if (skipReferrers === true) {
    return `The bundle was pulled without what belongs to images: pull it again without ${option("noReferrers")}`;
  }
  if (!Array.isArray(referrerTypes) || referrerTypes.length === 0) return undefined;
  return `Of what belongs to images, only some types are taken: look whether ${option("referrerTypes")} leaves signatures out`;
}

/** Reads what is small: signatures, and what they are about. */
export function readerOf(reader: BundleReader, layout: LayoutTable): NamedManifest["read"] {
  return ({ digest }) => reader.readDocument(layout, digest);
}
