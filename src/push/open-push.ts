import { BundleMissingError } from "../bundle/errors.ts";
import { parseTag } from "../bundle/images/bare-tags.ts";
import { noticesOf } from "../bundle/images/bundle-notices.ts";
import {
  type RoutedImage,
  type Routes,
  type RoutesOptions,
  routesOf,
} from "../bundle/images/routes.ts";
import { type BundleReader, openBundle } from "../bundle/read/bundle-reader.ts";
import type { Notice } from "../notice.ts";
import { formatReference, joinRepository } from "../oci/reference.ts";
import { call } from "../option.ts";
import { parseModulesPath } from "../product/modules-path.ts";
import { hintOf, readerOf, sourcesOf } from "../trust/bundled-manifests.ts";
import {
  type AcceptedSignature,
  checkSignatures,
  type NamedManifest,
  requireSigned,
} from "../trust/check-signatures.ts";
import { parsePolicy } from "../trust/policy.ts";
import {
  chooseFollowers,
  type FollowerWishes,
  type LeftOutReferrer,
} from "./followers/choose-followers.ts";
import type { PushPlan } from "./plan-push.ts";
import type { PushOptions } from "./push-options.ts";
import { requireNames } from "./require-names.ts";

export interface OpenedPush extends AsyncDisposable {
  readonly bundle: BundleReader;
  readonly plan: PushPlan;
  readonly notices: readonly Notice[];
  /** What is not wanted of that which belongs to images. */
  readonly leftOut: readonly LeftOutReferrer[];
  /** Of all distinct blobs that are pushed, manifests too. */
  readonly bytes: number;
  /** Those that were demanded, where any were. */
  readonly signatures?: readonly AcceptedSignature[];
}

type OpenPushOptions = Pick<
  PushOptions,
  "bundlePath" | "target" | "modulesPathSuffix" | "tag" | "requireSignatures" | keyof FollowerWishes
>;

/** Opens a bundle and decides where everything of it goes. Nothing is sent. */
export async function openPush({
  bundlePath,
  target,
  modulesPathSuffix,
  tag,
  requireSignatures,
  ...followerWishes
}: OpenPushOptions): Promise<OpenedPush> {
  // Refused before anything is opened
  parseModulesPath(modulesPathSuffix);
  parseTag(tag);
  const policy = requireSignatures && (await parsePolicy(requireSignatures));
  const bundle = await openBundle(bundlePath);
  try {
    const all = await routesOf(bundle, { target, modulesPathSuffix, tag });
    requireNames(bundlePath, all);
    if (all.images.length === 0) {
      throw new BundleMissingError(bundlePath, "it holds no image to push", {
        hint: `See with ${call("verifyBundle")} whether files of it are missing`,
      });
    }
    // What is left out may be what an image is signed with
    const check = policy && (await checkSignatures(all.images.map(toNamed(bundle)), policy));
    if (check) requireSigned(check, hintOf(bundle));
    const chosen = await chooseFollowers(bundle, all, followerWishes);
    const { plan, leftOut } = chosen;
    const notices = [
      ...noticesOf(bundle.listing, {
        tags: plan.images,
        unnamed: plan.unnamed,
        repeated: all.repeated,
        strayFiles: bundle.strayFiles,
      }),
      ...chosen.notices,
      ...noticesOfMade(plan),
      ...noticesOfMove(plan, { target, modulesPathSuffix }),
      ...(check?.notices ?? []),
    ];
    const signatures = check && { signatures: check.accepted };
    return {
      bundle,
      plan,
      notices,
      leftOut,
      bytes: distinctBytes(bundle) - chosen.leftOutBytes,
      ...signatures,
      [Symbol.asyncDispose]: () => bundle[Symbol.asyncDispose](),
    };
  } catch (error) {
    await bundle[Symbol.asyncDispose]();
    throw error;
  }
}

/** By the repository that it has in the bundle: where modules go to is nothing that a rule knows of. */
function toNamed(bundle: BundleReader): (image: RoutedImage) => NamedManifest {
  const sources = sourcesOf(bundle);
  return ({ layout, repository, root, tags, subject }) => ({
    repository: layout.repository || repository,
    root,
    tags,
    subject,
    sourceDigest: sources.get(root.digest),
    read: readerOf(bundle, layout),
  });
}

/** Archives without manifests: nobody can know the digest that an image gets before it is made. */
function noticesOfMade({ images }: Routes): readonly Notice[] {
  return images
    .filter(({ layout }) => layout.isMade)
    .map(({ target, tags, root }) => {
      const name = formatReference({ ...target, tag: tags[0] });
      const message = `The archive has no manifest for "${name}": the one that is made has the digest ${root.digest}`;
      return { code: "MANIFEST_MADE", message };
    });
}

/** Clusters look for modules at the usual place until they are told of another. */
function noticesOfMove({ images }: Routes, { target, modulesPathSuffix }: RoutesOptions) {
  const [usual, modulesPath] = [parseModulesPath(), parseModulesPath(modulesPathSuffix)];
  const hasModules = images.some(({ layout }) => layout.repository.startsWith(`${usual}/`));
  if (modulesPath === usual || !hasModules) return [];
  const place = formatReference(joinRepository(target, modulesPath));
  const message = `Modules go to "${place}" and not to "${usual}" below the target: clusters have to be told`;
  return [{ code: "MODULES_MOVED", message }];
}

/** Bytes of all distinct blobs of a bundle, manifests too. */
export function distinctBytes({ layouts }: BundleReader): number {
  const sizes = new Map(
    layouts.flatMap(({ blobs }) => [...blobs].map(([digest, { size }]) => [digest, size] as const)),
  );
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}
