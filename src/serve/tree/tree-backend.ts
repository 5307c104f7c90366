import { readLimited } from "../../io/read-file.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import { type Digest, digestOf, isDigest, verifyDigest } from "../../oci/digest.ts";
import { isManifestType, MANIFEST_LIMIT_BYTES, MEDIA_TYPE } from "../../oci/media-type.ts";
import { isRepositoryName, isTag } from "../../oci/reference.ts";
import { referrerOf } from "../../oci/referrer.ts";
import type { RegistryBackend, ServedManifest } from "../../server/backend.ts";
import type { TreeBlobs } from "./tree-blobs.ts";
import type { FoundFile, TreeFiles } from "./tree-files.ts";

export interface Tree {
  readonly files: TreeFiles;
  readonly blobs: TreeBlobs;
}

/**
 * Serves what lies below a directory of a tree (docs/serve.md, "A registry as files"). Nothing of it is kept in memory: the
 * tree may change while it is served.
 */
export function createTreeBackend(
  { blobs, files }: Tree,
  base: readonly string[],
): RegistryBackend {
  // A backend is asked for names as clients write them
  const isName = (repository: string) => isRepositoryName(repository);
  const findBlob = async (repository: string, digest: Digest) =>
    isName(repository) && isDigest(digest)
      ? await files.findFile(...base, repository, "blobs", digest)
      : undefined;
  const readManifest = async (repository: string, reference: string) => {
    if (!isName(repository) || !(isTag(reference) || isDigest(reference))) return undefined;
    const file = await files.findFile(...base, repository, "manifests", reference);
    return file && (await readManifestFile(file, reference));
  };
  const listReferences = async (repository: string) => {
    if (!isName(repository)) return undefined;
    const entries = await files.list(...base, repository, "manifests");
    return entries?.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  };
  return {
    hasRepository: async (repository) =>
      isName(repository) && (await files.isDirectory(...base, repository, "manifests")),
    async statBlob(repository, digest) {
      const file = await findBlob(repository, digest);
      return file && { size: file.size, isUntyped: true };
    },
    async openBlob(repository, digest, range) {
      const file = await findBlob(repository, digest);
      if (file === undefined) throw new Error(`blob ${digest} is gone from "${repository}"`);
      return blobs.open(file, digest, range);
    },
    readManifest,
    listTags: async (repository) => (await listReferences(repository))?.filter(isTag),
    listRepositories: () => listRepositories(files, base),
    async listReferrers(repository, subject) {
      const found = new Map<Digest, Descriptor>();
      for (const reference of (await listReferences(repository)) ?? []) {
        const manifest = await readManifest(repository, reference);
        const referrer = manifest && toReferrer(manifest);
        if (referrer?.subject !== subject) continue;
        found.set(referrer.descriptor.digest, referrer.descriptor);
      }
      return [...found.values()];
    },
  };
}

async function readManifestFile({ path }: FoundFile, reference: string): Promise<ServedManifest> {
  const bytes = await readLimited(path, MANIFEST_LIMIT_BYTES);
  if (isDigest(reference)) verifyDigest(bytes, reference);
  const digest = isDigest(reference) ? reference : digestOf(bytes);
  const document = parseLoosely(bytes);
  const claimed = document["mediaType"];
  const isTyped = typeof claimed === "string" && /^[\x21-\x7e]+$/.test(claimed);
  const mediaType = isTyped ? claimed : shapeOf(document);
  return { bytes, descriptor: { mediaType, digest, size: bytes.length }, isUntyped: !isTyped };
}

/** Any file can be served: what is no document says no type. */
function parseLoosely(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** OCI's documents need not say their type (image-spec, "mediaType"). */
function shapeOf(document: Readonly<Record<string, unknown>>): string {
  if (Array.isArray(document["manifests"])) return MEDIA_TYPE.imageIndex;
  return Array.isArray(document["layers"]) ? MEDIA_TYPE.imageManifest : MEDIA_TYPE.octetStream;
}

function toReferrer({ bytes, descriptor }: ServedManifest) {
  return isManifestType(descriptor.mediaType) ? referrerOf(descriptor, bytes) : undefined;
}

/** What lies beside the repositories that are below a repository. */
const PARTS: ReadonlySet<string> = new Set(["blobs", "manifests", "referrers", "tags"]);

/** Directories that have manifests. */
async function listRepositories(
  files: TreeFiles,
  base: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = [];
  const walk = async (path: readonly string[]): Promise<void> => {
    const entries = (await files.list(...base, ...path)) ?? [];
    const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    const isRepository = path.length > 0 && names.includes("manifests");
    if (isRepository) found.push(path.join("/"));
    for (const name of names) {
      if (isRepository && PARTS.has(name)) continue;
      if (isRepositoryName(name)) await walk([...path, name]);
    }
  };
  await walk([]);
  return found;
}
