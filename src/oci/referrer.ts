import { coreOf, type Descriptor } from "./descriptor.ts";
import type { Digest } from "./digest.ts";
import { ContentInvalidError } from "./errors.ts";
import { parseManifest } from "./manifest.ts";

/** A manifest that says of itself that it belongs to another one. */
export interface Referrer {
  readonly subject: Digest;
  /** As lists of referrers have it (distribution-spec, "Listing Referrers"): with its type and its annotations. */
  readonly descriptor: Descriptor;
}

/** What refers to nothing is undefined, and so is what cannot be parsed: bytes are stored as they are. */
export function referrerOf(descriptor: Descriptor, bytes: Buffer): Referrer | undefined {
  if (!bytes.includes('"subject"')) return undefined;
  try {
    const document = parseManifest(bytes, descriptor.mediaType, descriptor.digest);
    const { annotations, subject } = document;
    if (subject === undefined) return undefined;
    const config = document.kind === "manifest" ? document.config.mediaType : undefined;
    const artifactType = document.artifactType || config;
    return {
      subject: subject.digest,
      descriptor: {
        ...coreOf(descriptor),
        ...(artifactType === undefined ? {} : { artifactType }),
        ...(annotations === undefined ? {} : { annotations }),
      },
    };
  } catch (error) {
    if (error instanceof ContentInvalidError) return undefined;
    throw error;
  }
}
