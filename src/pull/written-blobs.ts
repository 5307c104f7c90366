import type { PackagePlan } from "../bundle/format/bundle-plan.ts";
import { PackageFile } from "../bundle/package-file.ts";
import type { Digest } from "../oci/digest.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";

/** A package whose files are written, and the directory that they lie in. */
export interface WrittenPackage {
  readonly plan: PackagePlan;
  readonly directory: string;
}

/** Reads those of the wanted blobs that are no larger than manifests may be, or than said, in the order in which they lie. */
export async function readWrittenBlobs(
  {
    plan,
    directory,
    limitBytes = MANIFEST_LIMIT_BYTES,
  }: WrittenPackage & { readonly limitBytes?: number },
  wanted: { has(digest: Digest): boolean },
  visit: (digest: Digest, bytes: Buffer) => void,
): Promise<void> {
  const { entries, files } = plan;
  await using file = new PackageFile({ files, directory, mode: "read" });
  for (const { content, offset, size } of entries) {
    if (content.kind !== "blob" || size > limitBytes) continue;
    if (!wanted.has(content.digest)) continue;
    const bytes = Buffer.alloc(size);
    await file.read(offset, bytes);
    visit(content.digest, bytes);
  }
}
