import { MirrorError, type MirrorErrorOptions } from "../errors.ts";
import { printable } from "../oci/errors.ts";
import { call } from "../option.ts";

export interface BundleLocation {
  readonly path: string;
  readonly offset: number;
}

/** The bytes of a bundle are not what the format allows. */
export class BundleCorruptError extends MirrorError {
  override readonly code = "BUNDLE_CORRUPT";
  readonly location: BundleLocation;

  constructor(location: BundleLocation, reason: string, options?: MirrorErrorOptions) {
    super(
      `Cannot read bundle "${location.path}" at byte ${location.offset}: ${printable(reason)}`,
      {
        hint: `Copy the file again from the source medium and check it with ${call("verifyBundle")}`,
        ...options,
      },
    );
    this.location = location;
  }
}

/** A file of the bundle, or the bundle itself, is not there. */
export class BundleMissingError extends MirrorError {
  override readonly code = "CONTENT_MISSING";
  readonly path: string;

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot open bundle "${path}": ${reason}`, options);
    this.path = path;
  }
}

/** A newer program wrote it. */
export class BundleVersionError extends MirrorError {
  override readonly code = "BUNDLE_VERSION_UNSUPPORTED";
  readonly path: string;

  constructor(path: string, version: unknown) {
    super(
      `Cannot read "${path}": its version is ${printable(String(version))}, this program reads version 1`,
      {
        hint: "Use a newer version of mirror",
      },
    );
    this.path = path;
  }
}

/** The directory holds something that a pull must not overwrite. */
export class BundleDirectoryOccupiedError extends MirrorError {
  override readonly code = "BUNDLE_DIRECTORY_OCCUPIED";
  readonly path: string;

  constructor(path: string, reason: string, options?: MirrorErrorOptions) {
    super(`Cannot pull into "${path}": ${reason}`, options);
    this.path = path;
  }
}

/** A blob of the bundle does not have the digest that is its name. */
export class BundleContentMismatchError extends MirrorError {
  override readonly code = "CONTENT_MISMATCH";
  readonly location: BundleLocation;
  readonly digest: string;

  constructor(location: BundleLocation, digest: string, reason: string) {
    super(`Cannot use blob ${digest} of "${location.path}" at byte ${location.offset}: ${reason}`, {
      hint: `Copy the file again from the source medium and check it with ${call("verifyBundle")}`,
    });
    this.location = location;
    this.digest = digest;
  }
}
