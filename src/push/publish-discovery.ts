import { Readable } from "node:stream";
import { createDiscoveryImage } from "../vendor/discovery-image.ts";
import type { PushPlan } from "./plan-push.ts";
import type { PushOptions } from "./push-options.ts";
import { readTag } from "./read-tag.ts";

export interface PublishDiscoveryOptions extends Pick<PushOptions, "openTarget"> {
  readonly signal: AbortSignal;
}

/** `<repo>/modules:<name>`: how clusters and later pulls find the modules; packages and plugins likewise. */
export async function publishDiscovery(
  discovery: PushPlan["discovery"],
  { openTarget, signal }: PublishDiscoveryOptions,
): Promise<void> {
  const { manifest, blobs } = createDiscoveryImage();
  for (const { repository, tag } of discovery) {
    const target = openTarget(repository);
    if ((await readTag(target, tag, signal)) === manifest.descriptor.digest) continue;
    for (const { descriptor, bytes } of blobs) {
      await target.push(descriptor, (offset) => Readable.from([bytes.subarray(offset)]), {
        signal,
      });
    }
    await target.pushManifest(manifest, tag, { signal });
  }
}
