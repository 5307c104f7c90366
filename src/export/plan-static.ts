import type { ImageContents } from "../contents/contents.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, isDigest } from "../oci/digest.ts";
import { isManifestType } from "../oci/media-type.ts";
import { targetHostOf } from "../oci/target-path.ts";
import { ExportConflictError } from "./errors.ts";

/** A registry as files: what lies where, and what a server has to say of it. */
export interface StaticTree {
  /** Sorted by path. */
  readonly repositories: readonly StaticRepository[];
  /** Registries that images came from, as clients name them in `ns`, and their directories. */
  readonly namespaces: readonly { readonly name: string; readonly directory: string }[];
}

export interface StaticRepository {
  /** `docker.io/library/web` */
  readonly path: string;
  /** Manifests and indexes, each once. */
  readonly manifests: readonly Descriptor[];
  /** Sorted by tag. */
  readonly tags: readonly { readonly tag: string; readonly digest: Digest }[];
}

/** Names that have a meaning behind the path of a repository. */
const RESERVED = ["blobs", "manifests", "referrers", "tags"];

/** Pure. */
export function planStatic(contents: readonly ImageContents[]): StaticTree {
  const repositories = new Map<
    string,
    { manifests: Map<Digest, Descriptor>; tags: Map<string, Digest> }
  >();
  const namespaces = new Map<string, string>();
  for (const { documents, origin, repository, root, tags } of contents) {
    namespaces.set(origin.registry, targetHostOf(origin.registry));
    const known = repositories.get(repository) ?? { manifests: new Map(), tags: new Map() };
    for (const one of documents) {
      if (isManifestType(one.mediaType)) known.manifests.set(one.digest, one);
    }
    const named = tags.filter((tag) => !isDigest(`sha256:${tag}`));
    for (const tag of named) known.tags.set(tag, root.digest);
    repositories.set(repository, known);
  }
  const paths = [...repositories.keys()].sort();
  for (const path of paths) refuseReserved(path, repositories);
  return {
    repositories: [...repositories]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([path, { manifests, tags }]) => ({
        path,
        manifests: [...manifests.values()],
        tags: [...tags]
          .sort(([left], [right]) => (left < right ? -1 : 1))
          .map(([tag, digest]) => ({ tag, digest })),
      })),
    namespaces: [...namespaces]
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, directory]) => ({ name, directory })),
  };
}

/** In a tree, `a/blobs` cannot be both the blobs of `a` and a repository. */
function refuseReserved(path: string, repositories: ReadonlyMap<string, unknown>): void {
  const parts = path.split("/");
  const at = parts.findIndex(
    (part, index) => RESERVED.includes(part) && repositories.has(parts.slice(0, index).join("/")),
  );
  if (at < 0) return;
  const reason = `a tree of files has "${parts.slice(0, at + 1).join("/")}" for something else`;
  throw new ExportConflictError(path, reason, {
    hint: "Export the two repositories into trees of their own",
  });
}
