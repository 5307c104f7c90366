import type { Digest } from "../oci/digest.ts";

/** One name of a side: what a push publishes, or what a target has. */
export interface ComparedImage {
  /** Path below the target. */
  readonly repository: string;
  /** Missing for what clients find by its subject. */
  readonly tag?: string;
  readonly digest: Digest;
  /** Bytes of the image with all below it; of a target it is not known before somebody has looked. */
  readonly size?: number;
}

export interface ComparedSide {
  readonly kind: "bundle" | "lock" | "target";
  /** Path, or `registry/repository`. */
  readonly name: string;
  readonly images: readonly ComparedImage[];
}

/** `modules/foo:v1.3.0`, or `modules/foo@sha256:…` without a tag. */
export function keyOfCompared({ repository, tag, digest }: ComparedImage): string {
  return tag === undefined ? `${repository}@${digest}` : `${repository}:${tag}`;
}
