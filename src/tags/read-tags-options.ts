import type { Failure } from "../failure.ts";
import type { Notice, NoticeEvent } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import type { RepositoryReference } from "../oci/reference.ts";
import type { OperationOptions, SourceRepository } from "../store/store.ts";
import type { LabelSource } from "./label-sources.ts";

/** `semver`: highest version first, then what is no version; `created`: newest first; `name`: in alphabetical order. */
export const TAG_ORDERS = ["semver", "created", "name"] as const;

export type TagOrder = (typeof TAG_ORDERS)[number];

export interface ReadTagsOptions extends OperationOptions {
  readonly repository: RepositoryReference;
  readonly openSource: (reference: RepositoryReference) => SourceRepository;
  /** Where what is known of tags is kept for later runs; default: nowhere. */
  readonly cacheDirectory?: string | undefined;
  /** `semver:~1.2`, `glob:2.*`, `regex:…`; what names no kind is a glob. Default: all tags. */
  readonly match?: string | undefined;
  /** Default: `created` for globs and expressions, `semver` for everything else. */
  readonly sort?: TagOrder | undefined;
  /** Most tags in the answer; what belongs to images and what is left out is not counted. */
  readonly limit?: number | undefined;
  /** Of multi-platform images, `os/architecture[/variant]` whose config counts; images without it are left out. Default: the first. */
  readonly platform?: string | undefined;
  /** Where labels and times are looked for, the first that has one wins; default: `config`, `container_config`, `annotations`. */
  readonly labelSources?: readonly LabelSource[] | undefined;
  /** Ask for the referrers of each image, to know of signatures that no tag tells of: a request more for each. */
  readonly signatures?: boolean | undefined;
  /** Ask for everything again, however lately it was asked for. */
  readonly refresh?: boolean | undefined;
  /** Requests at once; default 10. */
  readonly concurrency?: number | undefined;
  readonly onEvent?: ((event: TagsEvent) => void) | undefined;
  /** Time of the day in milliseconds; default: that of the machine. */
  readonly now?: (() => number) | undefined;
}

export type TagsEvent =
  /** A list, a tag or a config is being asked for. */
  { readonly type: "resolving"; readonly reference: string } | NoticeEvent;

export const TAGS_MEDIA_TYPE = "application/vnd.airgap-mirror.tags.v1+json";

/** The tags of a repository (docs/tags.md). */
export interface TagsReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof TAGS_MEDIA_TYPE;
  /** `registry/repository` */
  readonly repository: string;
  /** When the registry listed its tags, RFC 3339. */
  readonly listedAt: string;
  /** Tags that the registry lists, and how many of them the policy takes. */
  readonly totals: { readonly tags: number; readonly matching: number };
  readonly tags: readonly TagRow[];
  /** Requests that this took, without those for a login. */
  readonly requests: number;
  /** Why the registry was not asked for what is older. */
  readonly lastError?: LastError | undefined;
  readonly notices: readonly Notice[];
  /** Tags that the registry lists and of which nothing can be said. */
  readonly failures: readonly Failure[];
}

export interface LastError {
  /** RFC 3339 */
  readonly at: string;
  readonly message: string;
}

/** What a tag is, or why it is left out; never both. */
export type TagRow = TagDescription | ExcludedTag;

export interface TagDescription {
  readonly tag: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** `image`, `index`, or the type of an artifact. */
  readonly type: string;
  readonly platforms: readonly string[];
  /** RFC 3339; missing: nothing of the image says. */
  readonly created?: string | undefined;
  /** Bytes of the distinct manifests and blobs of its graph; missing if part of it is missing. */
  readonly size?: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether it has a signature; missing: no tag tells of one, and the registry was not asked for more. */
  readonly signed?: boolean | undefined;
  /** When the registry was asked for the tag last, RFC 3339. */
  readonly lastFetched: string;
  /** Why the registry could not be asked since then. */
  readonly lastError?: LastError | undefined;
  readonly excluded?: never;
}

export interface ExcludedTag {
  readonly tag: string;
  /** Why. */
  readonly excluded: string;
  readonly digest?: never;
}
