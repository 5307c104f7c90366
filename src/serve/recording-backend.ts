import { buffer } from "node:stream/consumers";
import { type Digest, isDigest } from "../oci/digest.ts";
import { parseConfigPlatform } from "../oci/image-config.ts";
import { type ManifestDocument, parseManifest } from "../oci/manifest.ts";
import { MANIFEST_LIMIT_BYTES } from "../oci/media-type.ts";
import { formatPlatform, type Platform } from "../oci/platform.ts";
import type { RegistryBackend } from "../server/backend.ts";
import type { Manifest } from "../store/store.ts";
import type { PulledImage } from "./pull-record.ts";

/** Images whose parts may be asked for; more of them are known by their digests only. */
const WANTED_LIMIT = 100_000;

/**
 * Tells of each image that is read. Clients ask for a tag, then for an index and a manifest by their digests: the image is
 * what they named first, for the platform whose manifest they took.
 */
export function createRecordingBackend(
  backend: RegistryBackend,
  namespace: string,
  note: (image: PulledImage) => void,
): RegistryBackend {
  /** By repository and digest: what clients have named, for which this is asked. */
  const wanted = new Map<string, Map<string, PulledImage>>();

  function want(repository: string, digest: Digest, image: PulledImage): void {
    if (wanted.size >= WANTED_LIMIT) wanted.clear();
    const key = `${repository}@${digest}`;
    const images = wanted.get(key) ?? new Map<string, PulledImage>();
    wanted.set(key, images.set(`${image.reference} ${image.digest}`, image));
  }

  /** What a manifest is read for. */
  function imagesOf(repository: string, reference: string, digest: Digest): PulledImage[] {
    const name = `${namespace}/${repository}`;
    if (!isDigest(reference))
      want(repository, digest, { reference: `${name}:${reference}`, digest });
    const images = [...(wanted.get(`${repository}@${digest}`)?.values() ?? [])];
    return images.length > 0 ? images : [{ reference: `${name}@${digest}`, digest }];
  }

  async function record(repository: string, reference: string, manifest: Manifest): Promise<void> {
    const document = parse(manifest);
    const images = imagesOf(repository, reference, manifest.descriptor.digest);
    if (document?.kind !== "index") {
      const read = () => readPlatform(repository, document).catch(() => undefined);
      for (const image of images) note({ ...image, platform: image.platform ?? (await read()) });
      return;
    }
    for (const child of document.manifests) {
      const platform = child.platform && platformOf(child.platform);
      for (const image of images) want(repository, child.digest, { ...image, platform });
    }
  }

  /** Of an image that is in no index; where nobody can tell, it is noted without. */
  async function readPlatform(
    repository: string,
    document: ManifestDocument | undefined,
  ): Promise<string | undefined> {
    if (document?.kind !== "manifest") return undefined;
    const { digest } = document.config;
    const stat = await backend.statBlob(repository, digest);
    if (stat === undefined || stat.size > MANIFEST_LIMIT_BYTES) return undefined;
    const body = await backend.openBlob(repository, digest, { start: 0, end: stat.size });
    const platform = parseConfigPlatform(await buffer(body));
    return platform && platformOf(platform);
  }

  return {
    ...backend,
    async readManifest(repository, reference) {
      const found = await backend.readManifest(repository, reference);
      if (found) await record(repository, reference, found);
      return found;
    },
  };
}

/** As an index has it: some have one for what runs nowhere. */
function platformOf(platform: Platform): string | undefined {
  return platform.os === "unknown" ? undefined : formatPlatform(platform);
}

/** What cannot be read is passed on as it is: there is nothing to tell of it but its name. */
function parse({ bytes, descriptor }: Manifest): ManifestDocument | undefined {
  try {
    return parseManifest(bytes, descriptor.mediaType, descriptor.digest);
  } catch {
    return undefined;
  }
}
