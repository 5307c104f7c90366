import type { Digest } from "../oci/digest.ts";
import { ContentMissingError } from "../store/errors.ts";

/** A repository has it, and its bytes are gone: whoever pushes it again heals that. */
export class ContentLostError extends ContentMissingError {
  constructor(repository: string, digest: Digest) {
    super(`${repository}@${digest}`, "it was pushed, and its file is gone or damaged", {
      hint: "Push the image again, and check the disk",
    });
  }
}
