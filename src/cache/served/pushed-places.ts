import { createHash } from "node:crypto";
import { join, sep } from "node:path";
import { hasErrorCode } from "../../io/errors.ts";
import { readdir } from "../../io/file-system.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { type ContentKind, nameOfContent } from "./content-names.ts";

/** Directory for it in the cache. */
export const PUSHED = "pushed";

const FOLDERS: Readonly<Record<ContentKind, string>> = { blobs: "_blobs", manifests: "_manifests" };

const KINDS: readonly ContentKind[] = ["blobs", "manifests"];

/**
 * Where things are that say what a repository has. No part of the path of a repository begins with `_`, and content is
 * elsewhere, by its digest.
 *
 * ```
 * <repository>/_blobs/<algorithm>-<hex>                   empty
 * <repository>/_manifests/<algorithm>-<hex>               its type
 * <repository>/_referrers/<of subject>/<of manifest>      empty
 * <repository>/_tags/<hash of the tag>                    tag and digest
 * <repository>/_uploads/<id>                              what has come of a blob
 * ```
 */
export class PushedPlaces {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  folder(repository: string, kind: ContentKind): string {
    return join(this.directory, repository, FOLDERS[kind]);
  }

  content(repository: string, kind: ContentKind, digest: Digest): string {
    return join(this.folder(repository, kind), markOf(digest));
  }

  referrers(repository: string, subject: Digest): string {
    return join(this.directory, repository, "_referrers", markOf(subject));
  }

  tags(repository: string): string {
    return join(this.directory, repository, "_tags");
  }

  /** File systems may take `V1` and `v1` for the same. */
  tag(repository: string, tag: string): string {
    return join(this.tags(repository), createHash("sha256").update(tag).digest("hex"));
  }

  uploads(repository: string): string {
    return join(this.directory, repository, "_uploads");
  }
}

/** `reg.example:5000` → `reg.example_5000` */
export function directoryOf(namespace: string): string {
  return namespace.replaceAll(":", "_");
}

/** Repositories that have such content, by the paths below the directory. */
export function repositoriesIn(paths: readonly string[], kind: ContentKind): readonly string[] {
  const end = `${sep}${FOLDERS[kind]}`;
  const found = paths.filter((path) => path.endsWith(end));
  return found.map((path) => path.slice(0, -end.length).replaceAll(sep, "/"));
}

/** Digests that the names of files in a folder stand for. */
export function digestsOf(names: readonly string[]): readonly Digest[] {
  return names.map((name) => name.replace("-", ":")).filter(isDigest);
}

/** Names of the content that repositories of all namespaces have, once for each repository. */
export async function findPinned(directory: string): Promise<readonly string[]> {
  const paths = (await readdirIfThere(directory, { recursive: true })) ?? [];
  return paths.flatMap((path) => {
    const [mark = "", folder] = path.split(sep).reverse();
    const kind = KINDS.find((one) => FOLDERS[one] === folder);
    return kind ? digestsOf([mark]).map((digest) => nameOfContent(kind, digest)) : [];
  });
}

/** Undefined: nobody has made the directory yet. */
export async function readdirIfThere(
  path: string,
  options: { readonly recursive?: boolean } = {},
): Promise<readonly string[] | undefined> {
  try {
    return await readdir(path, options);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

function markOf(digest: Digest): string {
  return digest.replace(":", "-");
}
