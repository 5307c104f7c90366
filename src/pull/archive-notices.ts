import type { PackagePlan } from "../bundle/format/bundle-plan.ts";
import { PackageFile } from "../bundle/read/package-file.ts";
import type { ImageContents, PackageContents } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { parseConfigPlatform } from "../oci/image-config.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";
import { call } from "../option.ts";

export interface WrittenBundle {
  readonly contents: readonly PackageContents[];
  readonly plans: readonly PackagePlan[];
  /** With all files, under their names. */
  readonly bundlePath: string;
}

/**
 * Images of other systems among those for Linux, for which Docker refuses an archive as a whole. Without an index only the
 * config tells the system; a plan does not ask for one of each image, and here they all are.
 */
export async function noticesOfArchives({
  contents,
  plans,
  bundlePath,
}: WrittenBundle): Promise<Notice[]> {
  const notices: Notice[] = [];
  for (const [index, { kind, layouts }] of contents.entries()) {
    const plan = plans[index];
    if (kind !== "images" || plan === undefined) continue;
    const images = layouts.flatMap((layout) => layout.images.filter(isUntold));
    if (images.length === 0) continue;
    const systems = await readSystems(images, plan, bundlePath);
    const isForLinux = images.some((image) => systems.get(image) === "linux");
    const isMixed = ([, os]: readonly [unknown, string]) =>
      os !== "linux" && (isForLinux || os !== "windows");
    const others = [...systems].filter(isMixed);
    if (others.length > 0) notices.push(mixed(plan.name, others));
  }
  return notices;
}

/** Listed for one-platform tools, as an image for Linux. */
function isUntold({ archive, platforms }: ImageContents): boolean {
  return archive !== undefined && archive.os === undefined && platforms.length === 0;
}

async function readSystems(
  images: readonly ImageContents[],
  { entries, files }: PackagePlan,
  directory: string,
): Promise<Map<ImageContents, string>> {
  const byConfig = new Map<Digest, ImageContents[]>();
  for (const image of images) {
    const config = image.archive?.config;
    if (config !== undefined) byConfig.set(config, [...(byConfig.get(config) ?? []), image]);
  }
  const systems = new Map<ImageContents, string>();
  await using file = new PackageFile({ files, directory, mode: "read" });
  for (const { content, offset, size } of entries) {
    const found = content.kind === "blob" ? byConfig.get(content.digest) : undefined;
    if (found === undefined || size > MANIFEST_LIMIT_BYTES) continue;
    const bytes = Buffer.alloc(size);
    await file.read(offset, bytes);
    const { os = "linux" } = parseConfigPlatform(bytes) ?? {};
    for (const image of found) systems.set(image, os);
  }
  return systems;
}

function mixed(archive: string, others: readonly (readonly [ImageContents, string])[]): Notice {
  const names = others.map(([{ source }, os]) => `"${source}" for ${os}`).join(", ");
  const message = `"${archive}.tar" has ${names}: Docker takes nothing of an archive with another system in it. What ${call("exportBundle")} makes, or a push into a runtime, goes without`;
  return { code: "ARCHIVE_MIXED", message };
}
