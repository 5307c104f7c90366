import { readBundledGraph } from "../../bundle/images/bundle-graph.ts";
import type { BundleReader } from "../../bundle/read/bundle-reader.ts";
import type { ImageKind } from "../../contents/contents.ts";
import type { Notice } from "../../notice.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { isWantedType, parseReferrerTypes, typesOf } from "../../oci/referrer-types.ts";
import type { PushImage, PushPlan } from "../plan-push.ts";
import { type Follower, isFollower, keyOfImage, Subjects } from "./followers.ts";

/** What of that which belongs to images is pushed. */
export interface FollowerWishes {
  /** None of it; default false. */
  readonly noReferrers?: boolean | undefined;
  /** Only these media types, where `*` stands for any characters; empty or missing: all. */
  readonly referrerTypes?: readonly string[] | undefined;
}

/** What belongs to an image, and is in the bundle, and is not pushed because that was asked for. */
export interface LeftOutReferrer {
  /** Repository path below the target. */
  readonly repository: string;
  /** Missing where clients would find it by its subject. */
  readonly tags?: readonly string[];
  readonly digest: Digest;
  readonly kind: ImageKind;
  /** The manifest that it belongs to. */
  readonly subject: Digest;
}

export interface ChosenPush {
  readonly plan: PushPlan;
  readonly leftOut: readonly LeftOutReferrer[];
  readonly notices: readonly Notice[];
  /** Of distinct blobs that only what is left out has. */
  readonly leftOutBytes: number;
}

/** The plan without what is not wanted of that which belongs to images, nor what belongs to that. */
export async function chooseFollowers(
  bundle: BundleReader,
  plan: PushPlan,
  { noReferrers = false, referrerTypes = [] }: FollowerWishes,
): Promise<ChosenPush> {
  const types = parseReferrerTypes(referrerTypes);
  if (!noReferrers && types.length === 0)
    return { plan, leftOut: [], notices: [], leftOutBytes: 0 };
  const left = new Set<string>();
  const subjects = new Subjects(plan.images);
  const followers = plan.images.flatMap((image) => (isFollower(image) ? [{ image }] : []));
  for (const { image } of subjects.inOrder(followers).flat()) {
    const holders = subjects.of(image);
    const isLost = holders.length > 0 && holders.every((one) => left.has(keyOfImage(one)));
    if (noReferrers || isLost || !(await isWanted(bundle, image, types)))
      left.add(keyOfImage(image));
  }
  const isLeft = (image: PushImage) => left.has(keyOfImage(image));
  const images = plan.images.filter((image) => !isLeft(image));
  const out = followers.map(({ image }) => image).filter(isLeft);
  return {
    plan: { ...plan, images },
    leftOut: out.map(toLeftOut),
    notices: noticesOf(out),
    leftOutBytes: await bytesOnlyOf(bundle, out, images),
  };
}

async function isWanted(
  bundle: BundleReader,
  { layout, root }: Follower,
  types: readonly string[],
): Promise<boolean> {
  const bytes = await bundle.readDocument(layout, root.digest);
  return isWantedType(types, typesOf(parseManifest(bytes, root.mediaType, root.digest)));
}

function toLeftOut({ repository, tags, root, kind, subject }: Follower): LeftOutReferrer {
  const { digest } = root;
  return { repository, ...(tags.length > 0 ? { tags } : {}), digest, kind, subject };
}

function noticesOf(out: readonly Follower[]): readonly Notice[] {
  if (out.length === 0) return [];
  const counts = new Map<ImageKind, number>();
  for (const { kind } of out) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const parts = [...counts].sort().map(([kind, count]) => `${kind}: ${count}`);
  const message = `${out.length} manifests of the bundle that belong to images are not pushed, as it was asked for (${parts.join(", ")})`;
  return [{ code: "REFERRERS_LEFT_OUT", message }];
}

async function bytesOnlyOf(
  bundle: BundleReader,
  out: readonly PushImage[],
  kept: readonly PushImage[],
): Promise<number> {
  if (out.length === 0) return 0;
  const sizes = await sizesOf(bundle, out);
  for (const digest of (await sizesOf(bundle, kept)).keys()) sizes.delete(digest);
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function sizesOf(
  bundle: BundleReader,
  images: readonly PushImage[],
): Promise<Map<Digest, number>> {
  const sizes = new Map<Digest, number>();
  for (const { layout, root } of images) {
    const { children, blobs } = await readBundledGraph(bundle, layout, root);
    for (const { digest, size } of [root, ...children, ...blobs]) sizes.set(digest, size);
  }
  return sizes;
}
