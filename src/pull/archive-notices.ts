import { type NamingImage, recogniseNaming } from "../artifacts/named-images.ts";
import type { PackagePlan } from "../bundle/format/bundle-plan.ts";
import type { ImageContents, PackageContents } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { parseConfigPlatform } from "../oci/image-config.ts";
import { call } from "../option.ts";
import { noticeOfNamed } from "./named-images-notice.ts";
import { readWrittenBlobs, type WrittenPackage } from "./written-blobs.ts";

export interface WrittenBundle {
  readonly contents: readonly PackageContents[];
  readonly plans: readonly PackagePlan[];
  /** With all files, under their names. */
  readonly bundlePath: string;
}

/**
 * What only the configs of images tell. A plan does not ask for one of each image, and here they all are: images of other
 * systems among those for Linux, for which Docker refuses an archive as a whole, and images that name others.
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
    const images = layouts.flatMap((layout) => layout.images.filter(({ archive }) => archive));
    if (images.length === 0) continue;
    const written = { plan, directory: bundlePath };
    const { systems, naming } = await readConfigs(images, written);
    const isForLinux = [...systems.values()].includes("linux");
    const isMixed = ([, os]: readonly [unknown, string]) =>
      os !== "linux" && (isForLinux || os !== "windows");
    const others = [...systems].filter(isMixed);
    if (others.length > 0) notices.push(mixed(plan.name, others));
    for (const one of naming) {
      notices.push(...(await noticeOfNamed(one, { ...written, contents })));
    }
  }
  return notices;
}

/** Listed for one-platform tools, as an image for Linux. */
function isUntold({ archive, platforms }: ImageContents): boolean {
  return archive?.os === undefined && platforms.length === 0;
}

interface ConfigsRead {
  /** Of images of which nothing else tells. */
  readonly systems: ReadonlyMap<ImageContents, string>;
  readonly naming: readonly { readonly image: ImageContents; readonly naming: NamingImage }[];
}

async function readConfigs(
  images: readonly ImageContents[],
  written: WrittenPackage,
): Promise<ConfigsRead> {
  const byConfig = new Map<Digest, ImageContents[]>();
  for (const image of images) {
    const config = image.archive?.config;
    if (config !== undefined) byConfig.set(config, [...(byConfig.get(config) ?? []), image]);
  }
  const systems = new Map<ImageContents, string>();
  const found: { readonly image: ImageContents; readonly naming: NamingImage }[] = [];
  await readWrittenBlobs(written, byConfig, (digest, bytes) => {
    const [first, ...others] = byConfig.get(digest) ?? [];
    if (first === undefined) return;
    const { os = "linux" } = parseConfigPlatform(bytes) ?? {};
    for (const image of [first, ...others].filter(isUntold)) systems.set(image, os);
    const naming = recogniseNaming(bytes);
    if (naming) found.push({ image: first, naming });
  });
  return { systems, naming: found };
}

function mixed(archive: string, others: readonly (readonly [ImageContents, string])[]): Notice {
  const names = others.map(([{ source }, os]) => `"${source}" for ${os}`).join(", ");
  const message = `"${archive}.tar" has ${names}: Docker takes nothing of an archive with another system in it. What ${call("exportBundle")} makes, or a push into a runtime, goes without`;
  return { code: "ARCHIVE_MIXED", message };
}
