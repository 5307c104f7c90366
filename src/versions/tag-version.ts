import { createVersion, type Version } from "./version.ts";

const VERSION = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?$/;

/** Build metadata as Helm writes it: a tag has no `+`. */
const BUILD = /_[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*$/;

/**
 * The version that a tag stands for: `v1.3.0`, `1.3` (as 1.3.0), `2024.01.15`. A tag with a single number (`2`,
 * `20240101`) is none: it is a moving alias or a date, and as a major version it would lie in every open range.
 */
export function parseVersion(tag: string): Version | undefined {
  const match = VERSION.exec(tag);
  if (match === null) return undefined;
  const [, major = "", minor = "", patch = "0", prerelease] = match;
  return createVersion([major, minor, patch], prerelease);
}

/** As `parseVersion`, for images: `1.2.3_up1.0` is how the chart 1.2.3+up1.0 is tagged. */
export function parseImageVersion(tag: string): Version | undefined {
  return parseVersion(tag.replace(BUILD, ""));
}

/** Whether a reader would take a tag for a version, whatever `parseVersion` says: `1.2.3.4`, `V1.2.3`, `1.2.3-01`. */
export function looksLikeVersion(tag: string): boolean {
  return /^v?\d+\.\d/i.test(tag);
}
