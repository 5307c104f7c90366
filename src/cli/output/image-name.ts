import { sanitize, shortDigest } from "./sanitize.ts";

export interface NamedImage {
  /** Path below the source or the target. */
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
}

/** `modules/foo:v1.3.0,stable`; images that are addressed by digest are `modules/foo@44136fa355b3`. */
export function renderImageName(image: NamedImage): string {
  const { repository, tags, digest } = image;
  const name = isAddressedByDigest(image) ? `@${shortDigest(digest)}` : `:${tags.join(",")}`;
  return sanitize(`${repository}${name}`);
}

/** Such images are published under the bare hex of their digest, which is a tag for registries only. */
export function isAddressedByDigest({ tags }: { readonly tags: readonly string[] }): boolean {
  return tags.every((tag) => /^[0-9a-f]{64}$/.test(tag));
}
