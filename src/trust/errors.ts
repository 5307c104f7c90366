import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import type { Digest } from "../oci/digest.ts";
import { printable } from "../oci/errors.ts";
import { option } from "../option.ts";

/** An image that is not signed as it is demanded. */
export interface RefusedImage {
  /** `repository:tag`, below the target. */
  readonly image: string;
  readonly digest: Digest;
  /** Keys and identities, as the rules name them: one of them was to have signed. */
  readonly signers: readonly string[];
  /** Why each signature that was found does not count; none if none was found. */
  readonly reasons: readonly string[];
}

/** So many are told; the others are counted. */
const SHOWN_IMAGES = 20;

/** Images are not signed as it is demanded: nothing is done with any of them. */
export class SignatureRefusedError extends MirrorError {
  override readonly code = "SIGNATURE_REFUSED";
  readonly images: readonly RefusedImage[];

  constructor(images: readonly RefusedImage[], options?: MirrorErrorOptions) {
    const shown = images.slice(0, SHOWN_IMAGES).map(describe).join(". ");
    const rest = images.length > SHOWN_IMAGES ? `. And ${images.length - SHOWN_IMAGES} more` : "";
    const count = images.length > 1 ? `${images.length} images` : "image";
    super(`Cannot trust ${count}: ${printable(shown)}${rest}`, {
      hint: `Have it signed, name another key with ${option("requireSignatures")}, or exempt its repository there with none`,
      ...options,
    });
    this.images = images;
  }
}

function describe({ image, digest, signers, reasons }: RefusedImage): string {
  const by = signers.map((name) => `"${name}"`).join(" or ");
  const found = reasons.length > 0 ? reasons.join("; ") : "it has no signature at all";
  return `"${image}" (${digest}) is not signed by ${by}: ${found}`;
}
