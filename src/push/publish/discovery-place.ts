import { Readable } from "node:stream";
import type { RepositoryReference } from "../../oci/reference.ts";
import { createDiscoveryImage } from "../../product/discovery-image.ts";
import type { PushPlace } from "../push-place.ts";

/** The image behind `<repo>/modules:<name>`: how clusters and later pulls find modules, packages and plugins. */
export const DISCOVERY = createDiscoveryImage();

export function discoveryPlaceOf(target: RepositoryReference): PushPlace {
  const bytesOf = new Map(
    DISCOVERY.blobs.map(({ bytes, descriptor }) => [descriptor.digest, bytes]),
  );
  return {
    target,
    has: (digest) => bytesOf.has(digest),
    // A blob of another image would be too short, and refused for it
    openBlob:
      ({ digest }) =>
      (offset) =>
        Readable.from([bytesOf.get(digest)?.subarray(offset) ?? ""]),
    readManifest: async () => DISCOVERY.manifest,
  };
}
