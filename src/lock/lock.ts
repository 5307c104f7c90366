import { formatCanonicalJson } from "../bundle/format/canonical-json.ts";
import type { BundleLayout, BundleTotals } from "../bundle/read/bundle-manifest.ts";
import type { ExtraFile, MadeContent, PackageKind } from "../contents/contents.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { RepositoryReference } from "../oci/reference.ts";

export const LOCK_MEDIA_TYPE = "application/vnd.airgap-mirror.lock.v1+json";

/** What a selection came to, by digest (docs/lock.md). The same content always makes the same lock. */
export interface Lock {
  readonly schemaVersion: 1;
  readonly mediaType: typeof LOCK_MEDIA_TYPE;
  /** `registry/repository` that everything but images comes from. */
  readonly source?: string;
  /** The selection as `bundle.json` has it. */
  readonly selection: LockedSelection;
  readonly packages: readonly LockedPackage[];
  /** Files beside the packages. */
  readonly extraFiles?: readonly ExtraFile[];
  readonly totals: BundleTotals;
  /** What is in no registry, and where it is: of charts of Helm repositories and of files; sorted by digest. */
  readonly made?: readonly MadeContent[];
  /** Of everything else: tells an edited lock from one that was made. */
  readonly checksum: Digest;
}

/** The parsed wishes; those that are off or empty are left out. What is here is what a pull of the lock looks at. */
export interface LockedSelection {
  readonly source?: RepositoryReference | undefined;
  readonly platforms?: readonly Platform[] | undefined;
  readonly skipForeignLayers?: boolean | undefined;
}

export interface LockedPackage {
  readonly name: string;
  readonly kind: PackageKind;
  readonly layouts: readonly BundleLayout[];
}

/** A lock with its check sum. */
export function sealLock(content: Omit<Lock, "checksum">): Lock {
  return { ...content, checksum: checksumOf(content) };
}

/** Of a lock without its check sum. */
export function checksumOf(content: object): Digest {
  return digestOf(Buffer.from(formatCanonicalJson(content)));
}
