import type { ImageContents } from "../contents/contents.ts";
import type { Notice } from "../notice.ts";
import { COSIGN_SUFFIXES } from "../oci/cosign-tag.ts";
import { type FoundReferrer, findReferrers } from "../pull/plan/find-referrers.ts";
import type { TagSets } from "../pull/plan/tag-sets.ts";
import type { OperationOptions } from "../store/store.ts";
import { type ChosenImage, nameOf } from "./choose-images.ts";

interface FindFollowersOptions extends OperationOptions {
  /** Undefined: it is left out, which was told. */
  readonly read: (image: ChosenImage) => Promise<ImageContents | undefined>;
  /** Of the sources of such images. */
  readonly tagSets: TagSets;
  readonly notices: Notice[];
}

/**
 * What belongs to an image and to the manifests of it that are exported, where it was not gathered with the image: found as a
 * pull finds it.
 */
export async function findFollowers(
  image: ChosenImage,
  contents: ImageContents,
  { read, tagSets, notices, signal }: FindFollowersOptions,
): Promise<readonly ImageContents[]> {
  const { origin, root, source } = image;
  if (source === undefined) return [];
  const isCut = contents.root.digest !== root.digest;
  const followers = await findReferrers({
    name: image.name,
    image: { ...contents, sourceDigest: isCut ? root.digest : undefined },
    source,
    listTags: () => tagSets.of(origin, source, { signal }),
    types: [],
    suffixes: COSIGN_SUFFIXES,
    describe: ({ manifest, subject, tag }: FoundReferrer) => {
      const follower = { ...image, root: manifest.descriptor, tag, subject };
      const name = nameOf({ origin, root: manifest.descriptor, tag });
      return read({ ...follower, name });
    },
    onNotice: (notice) => notices.push(notice),
    signal,
  });
  return followers.map((one) => one.image);
}
