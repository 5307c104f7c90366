import type { RepositoryReference } from "../oci/reference.ts";
import { isChannel } from "../vendor/channel.ts";
import { ContentWithheldError } from "./errors.ts";
import type { PushImage } from "./plan-push.ts";
import type { ReceiptImage } from "./receipt.ts";

/** Whether a tag of the image is a release channel, which must not point at a version that is not there. */
export function isChannelImage({ kind, tags }: Pick<PushImage, "kind" | "tags">): boolean {
  return kind === "release-channel" && tags.some(isChannel);
}

/** The repository of the versions that a release image is about, and the tags that such a version may have there. */
export function placeOfVersion(
  { repository, target }: Pick<PushImage, "repository" | "target">,
  version: string,
): VersionPlace {
  return {
    repository: parentOf(repository),
    target: { ...target, repository: parentOf(target.repository) },
    tags: [version, version.replace(/^v(?=\d)/, "")],
  };
}

export interface VersionPlace {
  /** Repository path below the target. */
  readonly repository: string;
  readonly target: RepositoryReference;
  readonly tags: readonly string[];
}

function parentOf(repository: string): string {
  return repository.split("/").slice(0, -1).join("/");
}

/** Whether one of the images is the version. */
export function hasVersion(
  images: readonly { readonly repository: string; readonly tags: readonly string[] }[],
  place: VersionPlace,
): boolean {
  return images.some(
    ({ repository, tags }) =>
      repository === place.repository && tags.some((tag) => place.tags.includes(tag)),
  );
}

/** Refuses a release image when an image of its module, or of the platform, did not arrive. */
export function refuseAfterFailure(
  { repository, tags }: PushImage,
  images: readonly ReceiptImage[],
): void {
  const parent = parentOf(repository);
  const needed = parent === "" ? /^(?:install)?$/ : undefined;
  const missing = images.find(
    (image) =>
      image.outcome === "failed" &&
      (needed?.test(image.repository) ||
        image.repository === parent ||
        image.repository.startsWith(`${parent}/extra/`)),
  );
  if (missing) {
    const reason = `"${missing.repository}:${missing.tag}" is missing in the target`;
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
