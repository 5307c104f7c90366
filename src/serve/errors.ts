import { MirrorError, type MirrorErrorOptions } from "../errors.ts";

/** Two bundles have one tag with different content. */
export class TagConflictError extends MirrorError {
  override readonly code = "OPTION_INVALID";
  /** `repository:tag` */
  readonly image: string;

  constructor(image: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot serve ${image} from two bundles: ${reason}`, options);
    this.image = image;
  }
}
