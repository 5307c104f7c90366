import type { ImageKind, MadeContent, PackageKind } from "../../contents/contents.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RepositoryReference } from "../../oci/reference.ts";
import type { Manifest } from "../../store/store.ts";

/** A manifest that the selection asks for, and where it goes in the bundle. */
export interface Root {
  readonly packageName: string;
  readonly packageKind: PackageKind;
  /** Path of the layout inside the package. */
  readonly layout: string;
  /** Repository path below the target. */
  readonly repository: string;
  readonly tags: readonly string[];
  readonly kind: ImageKind;
  /** The manifest that it belongs to, in the same repository. */
  readonly subject?: Digest | undefined;
  readonly origin: RepositoryReference;
  /** How it was asked for: a tag or a digest of `origin`. */
  readonly reference: string;
  readonly manifest: Manifest;
  /** Of a release channel: the tag of the version that it points at, in the repository above. */
  readonly pointsAt?: string | undefined;
  /** Of what is made here: where its parts are; the origin is only its name. */
  readonly made?: readonly MadeContent[] | undefined;
}
