import { type ErrorCode, MirrorError, type MirrorErrorOptions } from "../errors.ts";

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

/** An upstream could not be asked, or its answer cannot be used, and there is no copy. */
export class UpstreamError extends MirrorError {
  override readonly code: ErrorCode;
  /** `registry/repository` */
  readonly repository: string;
  /** How long the upstream asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(
    repository: string,
    reason: string,
    {
      code = "REGISTRY_UNREACHABLE",
      retryAfterMs,
      ...options
    }: MirrorErrorOptions & { readonly code?: ErrorCode; readonly retryAfterMs?: unknown } = {},
  ) {
    super(`Cannot fetch from ${repository}: ${reason}`, options);
    this.code = code;
    this.repository = repository;
    this.retryAfterMs = typeof retryAfterMs === "number" ? retryAfterMs : undefined;
  }
}

/** What the client of registries says, as it is. */
export function toUpstreamError(
  repository: string,
  cause: MirrorError & { readonly retryAfterMs?: unknown },
): UpstreamError {
  const { code, hint, message, retryAfterMs } = cause;
  return new UpstreamError(repository, message, { code, hint, retryAfterMs, cause });
}
