import type { RepositoryContent } from "../server/memory-content.ts";
import type { BuiltArtifact } from "./image-builder.ts";

/** Puts an artifact with everything below it into a repository, without HTTP. */
export function storeArtifact(
  repository: RepositoryContent,
  { blobs, children, manifest }: BuiltArtifact,
  tags: readonly string[] = [],
): void {
  for (const child of children) storeArtifact(repository, child);
  for (const { content, descriptor } of blobs) repository.blobs.set(descriptor.digest, content);
  const { digest, mediaType } = manifest.descriptor;
  repository.manifests.set(digest, { mediaType, bytes: manifest.bytes });
  for (const tag of tags) repository.tags.set(tag, digest);
}
