import type { RepositoryReference } from "../../oci/reference.ts";
import { isChannel } from "../../product/channel.ts";
import {
  isPartOfRelease,
  placeOfVersion,
  subjectOf,
  type VersionPlace,
} from "../../product/closure.ts";
import { ContentWithheldError } from "../errors.ts";
import type { PushImage } from "../plan-push.ts";
import type { ReceiptImage } from "../receipt/receipt.ts";

/** Whether a tag of the image is a release channel, which must not point at a version that is not there. */
export function isChannelImage({ kind, tags }: Pick<PushImage, "kind" | "tags">): boolean {
  return kind === "release-channel" && tags.some(isChannel);
}

export interface TargetVersion extends VersionPlace {
  readonly target: RepositoryReference;
}

/** Where the version that a release image names has to be in the target. */
export function targetVersionOf(
  { repository, target }: Pick<PushImage, "repository" | "target">,
  version: string,
): TargetVersion {
  return {
    ...placeOfVersion(repository, version),
    target: { ...target, repository: subjectOf(target.repository) },
  };
}

/** Refuses a release image when an image of its module, or of the platform, did not arrive. */
export function refuseAfterFailure(
  { repository, tags }: PushImage,
  images: readonly ReceiptImage[],
): void {
  const missing = images.find(
    (image) => image.outcome === "failed" && isPartOfRelease(image.repository, repository),
  );
  if (missing) {
    const name = missing.tag ?? missing.planned;
    const reason = `"${missing.repository}:${name}" is missing in the target`;
    throw new ContentWithheldError(`${repository}:${tags.join(",")}`, reason);
  }
}

/** The error for a release image whose version is nowhere. */
export function danglingChannel({ repository, tags }: PushImage, place: VersionPlace) {
  const [tag] = place.tags;
  return new ContentWithheldError(
    `${repository}:${tags.join(",")}`,
    `it points at "${place.repository}:${tag}", which neither the bundle nor the target has`,
    { hint: "Push a bundle that has this version, then run the same push again" },
  );
}
