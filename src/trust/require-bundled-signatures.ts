import type { BundleStore, PublishedImage } from "../bundle/images/bundle-store.ts";
import type { Notice } from "../notice.ts";
import { parseCosignTag } from "../oci/cosign-tag.ts";
import { targetPathOf } from "../oci/target-path.ts";
import type { OperationOptions } from "../store/store.ts";
import {
  type AcceptedSignature,
  checkSignatures,
  type NamedManifest,
  requireSigned,
} from "./check-signatures.ts";
import type { SignaturePolicy } from "./policy.ts";
import { readerOfSource } from "./read-content.ts";

interface DemandedSignatures {
  readonly signatures?: readonly AcceptedSignature[];
  readonly notices: readonly Notice[];
}

interface DemandOptions extends OperationOptions {
  /** Which images are used; what else the bundles have need not be signed. Default: all of them. */
  readonly isUsed?: ((image: PublishedImage) => boolean) | undefined;
}

/**
 * Throws `SIGNATURE_REFUSED` unless what is used of the bundles is signed as it is demanded. Runtimes and their clients know images by
 * the name that they had at their source, so rules hold for that as well as for the repository in the bundle.
 */
export async function requireBundledSignatures(
  stores: readonly BundleStore[],
  policy: SignaturePolicy | undefined,
  { isUsed = () => true, ...options }: DemandOptions,
): Promise<DemandedSignatures> {
  if (policy === undefined) return { notices: [] };
  const manifests = stores.flatMap((store) => [
    ...store.images.flatMap((image) => {
      const subject = parseCosignTag(image.tag)?.subject;
      if (subject === undefined && !isUsed(image)) return [];
      return [{ ...place(image, store, options), tags: [image.tag], subject }];
    }),
    ...store.referrers.map((image) => {
      return { ...place(image, store, options), tags: [], subject: image.subject };
    }),
  ]);
  const check = await checkSignatures(manifests, policy);
  requireSigned(check);
  return { signatures: check.accepted, notices: check.notices };
}

function place(
  { repository, root, source }: Omit<PublishedImage, "tag">,
  store: BundleStore,
  options: OperationOptions,
): Pick<NamedManifest, "repository" | "aliases" | "root" | "read"> {
  const aliases = source === undefined ? [] : [targetPathOf(source)];
  const read = readerOfSource(store.repository(repository), options);
  return { repository, aliases, root, read };
}
