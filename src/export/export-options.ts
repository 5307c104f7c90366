import type { Failure } from "../failure.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import type { Platform } from "../oci/platform.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";
import type { SignatureRule } from "../trust/signature-rule.ts";
import type { Compression } from "./compress.ts";

/** What can be made of a bundle for runtimes that have no registry to ask. */
export const EXPORT_FORMS = [
  "docker-archive",
  "oci-archive",
  "oci-layout",
  "k3s",
  "static",
] as const;

export type ExportForm = (typeof EXPORT_FORMS)[number];

export const EXPORT_MEDIA_TYPE = "application/vnd.airgap-mirror.export.v1+json";

export interface ExportOptions extends OperationOptions {
  readonly form: ExportForm;
  /** Directories or single package files; images of all of them are exported together. May be empty where images come from elsewhere. */
  readonly bundlePaths: readonly string[];
  /** The file that is written, the directory for `oci-layout` and `static`. */
  readonly out: string;
  /** What `serve` has kept of its upstreams; of an image of several platforms, those that were pulled. */
  readonly cacheDirectory?: string | undefined;
  /** Images of registries, by name: `ghcr.io/acme/web:v2`. */
  readonly references?: readonly string[] | undefined;
  /** Opens the repositories that `references` name. */
  readonly openSource?: ((reference: RepositoryReference) => SourceRepository) | undefined;
  /** Names with `*` for any text, for bundles and the cache; one of them has to match. Default: every image. */
  readonly images?: readonly string[] | undefined;
  /** `os/architecture[/variant]`; indexes are rewritten to these. Default: all that the bundle has. */
  readonly platforms?: readonly string[] | undefined;
  /** Leaves out what belongs to images: signatures, attestations, bills of materials. Default: it goes with them. */
  readonly noReferrers?: boolean | undefined;
  /** Signatures that the images have to have; of bundles only. One that has none ends the export before anything is written. */
  readonly requireSignatures?: readonly SignatureRule[] | undefined;
  /** Not for directories. */
  readonly compress?: Compression | undefined;
  /** For `k3s`: writes the names, one a line, for a `.txt` that k3s pulls, and no archive. */
  readonly list?: boolean | undefined;
}

/** What an export wrote. */
export interface ExportReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof EXPORT_MEDIA_TYPE;
  readonly form: ExportForm;
  readonly path: string;
  /** Of the file, or of all files of the directory. */
  readonly bytes: number;
  /** Of the file; a directory has none. */
  readonly sha256?: string;
  /** False: the file was there already with these bytes, and was not touched. */
  readonly isWritten: boolean;
  /** False: images could not be read, and are not in it. */
  readonly complete: boolean;
  readonly images: readonly ExportedImage[];
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  readonly failures: readonly Failure[];
  readonly notices: readonly Notice[];
}

export interface ExportedImage {
  readonly name: string;
  readonly digest: Digest;
  readonly platforms: readonly string[];
}

export interface PlanExportOptions {
  readonly form: ExportForm;
  readonly platforms: readonly Platform[];
  /** What is taken for programs that take one platform of an image; default: linux/amd64. */
  readonly archivePlatform?: Platform | undefined;
  readonly signal: AbortSignal | undefined;
}
