import type { BundleManifest } from "./bundle-manifest.ts";
import type { Claims } from "./claims.ts";
import type { FoundPackages } from "./listed-package.ts";

/** A bundle as it lies on the medium: its files, and what it says about itself. */
export interface BundleListing extends FoundPackages {
  readonly directory: string;
  /** Missing for bundles of other programs, and where it cannot be believed. */
  readonly manifest?: BundleManifest;
  /** What `bundle.json` and `SHA256SUMS` say, and where they do not fit. */
  readonly claims: Claims;
  /** A file of one package was named: the rest of its bundle is not looked at. */
  readonly isPart?: true;
  /** Package files that `bundle.json` does not list, of packages that it does not know. */
  readonly unlisted?: readonly string[];
}
