import { cacheSources } from "../../cache/cached-source.ts";
import type { ContentCache } from "../../cache/content-cache.ts";
import type { ExtraFile, ImageContents, PackageContents } from "../../contents/contents.ts";
import { OptionInvalidError } from "../../errors.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { option } from "../../option.ts";
import type { OperationOptions, SourceRepository } from "../../store/store.ts";
import { hintOfSelection } from "../../trust/bundled-manifests.ts";
import {
  type AcceptedSignature,
  checkSignatures,
  type NamedManifest,
  requireSigned,
} from "../../trust/check-signatures.ts";
import { parsePolicy, type SignaturePolicy } from "../../trust/policy.ts";
import { readerOfSource } from "../../trust/read-content.ts";
import type { PlanPullOptions } from "../pull-options.ts";

/** Rules that can be met by the selection; undefined: nothing is demanded. */
export async function readPolicy({
  requireSignatures,
  selection,
}: Pick<PlanPullOptions, "requireSignatures" | "selection">): Promise<SignaturePolicy | undefined> {
  if (requireSignatures === undefined) return undefined;
  const policy = await parsePolicy(requireSignatures);
  if (selection?.skipReferrers && policy.clauses.some(({ signers }) => signers.length > 0)) {
    throw new OptionInvalidError(
      "requireSignatures",
      `signatures are left out with ${option("noReferrers")}`,
      { hint: `Leave out ${option("noReferrers")}` },
    );
  }
  return policy;
}

/** The trusted roots of what is demanded: who checks again without a network needs them. */
export function trustFilesOf({
  requireSignatures = [],
}: Pick<PlanPullOptions, "requireSignatures">): ExtraFile[] {
  const texts = requireSignatures.flatMap(({ demand }) =>
    demand !== "none" && "trustedRoot" in demand
      ? [`${JSON.stringify(demand.trustedRoot, null, 2)}\n`]
      : [],
  );
  return [...new Set(texts)].map((text, position) => {
    return { name: `trusted-root${position > 0 ? `-${position + 1}` : ""}.json`, text };
  });
}

export interface RequireSignaturesOptions
  extends Pick<PlanPullOptions, "openSource" | "selection" | "lock" | "onEvent" | "signal"> {
  readonly policy: SignaturePolicy;
  readonly cache: ContentCache;
  readonly onFetched?: (digest: Digest) => void;
}

/**
 * Throws `SIGNATURE_REFUSED` unless what the bundle will hold is signed as it is demanded. Of each image, its manifest and
 * its signatures are read, which are kept for the bundle.
 */
export async function requireSignaturesOf(
  contents: readonly PackageContents[],
  options: RequireSignaturesOptions,
): Promise<readonly AcceptedSignature[]> {
  const { policy, selection, lock, cache, onFetched = () => {}, ...others } = options;
  const { openSource, onEvent, signal } = others;
  const open = cacheSources(openSource, cache, onFetched);
  const images = contents.flatMap(({ layouts }) => layouts.flatMap((layout) => layout.images));
  const manifests = images.map((image) => toNamed(image, open(image.origin), { signal }));
  const check = await checkSignatures(manifests, policy);
  requireSigned(check, hintOfSelection(selection ?? lock?.selection));
  for (const notice of check.notices) onEvent?.({ type: "notice", ...notice });
  return check.accepted;
}

function toNamed(
  {
    repository,
    tags,
    root,
    subject,
    sourceDigest,
    rewritten = [],
    made: parts = [],
  }: ImageContents,
  source: SourceRepository,
  options: OperationOptions,
): NamedManifest {
  // In no registry: an index of which parts are left out, a chart of a Helm repository, a file
  const texts = [...rewritten, ...parts.filter((part) => part.kind === "text")];
  const made = new Map(texts.map(({ digest, text }) => [digest, Buffer.from(text)]));
  const fromSource = readerOfSource(source, options);
  const read = async (target: Descriptor) => made.get(target.digest) ?? (await fromSource(target));
  return { repository, tags, root, subject, sourceDigest, read };
}
