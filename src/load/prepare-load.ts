import { type BundleStore, openBundleStore } from "../bundle/images/bundle-store.ts";
import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { type ChosenImage, chooseImages, imagesOf } from "../export/choose-images.ts";
import { type ExportPlan, exportedName, planExport } from "../export/plan-export.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform, matchesPlatform, parsePlatform } from "../oci/platform.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";
import { parsePolicy } from "../trust/policy.ts";
import type { LoadOptions, PlanLoadOptions } from "./load-options.ts";
import { openRuntime } from "./open-runtime.ts";
import { requireSignaturesOf } from "./require-signatures.ts";
import type { Runtime } from "./runtime.ts";
import { formatRuntimeTarget, parseRuntimeTarget, type RuntimeTarget } from "./runtime-target.ts";

/** A runtime that answers, and what is to be loaded into it. */
export interface PreparedLoad extends AsyncDisposable {
  readonly target: string;
  readonly runtime: Runtime;
  /** All that was meant to be loaded, whether it can be read or not. */
  readonly chosen: readonly ChosenImage[];
  readonly plan: ExportPlan;
  /** sha256 of the only bundle's `bundle.json`. */
  readonly bundle: Digest | undefined;
  readonly extent: { readonly packages: number; readonly files: number };
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  readonly notices: readonly Notice[];
}

/** The runtime first: what is missing there is told before a byte of a bundle is read. */
export async function prepareLoad(options: LoadOptions | PlanLoadOptions): Promise<PreparedLoad> {
  const target = checkLoadOptions(options);
  const { bundlePaths, env = process.env, requireSignatures, signal } = options;
  const policy = requireSignatures && (await parsePolicy(requireSignatures));
  const runtime = await openRuntime(target, { env, signal });
  const stores: BundleStore[] = [];
  const close = async () => {
    for (const store of stores) await store[Symbol.asyncDispose]();
  };
  try {
    for (const path of bundlePaths) stores.push(await openBundleStore(path));
    const signed = await requireSignaturesOf(stores, policy, { signal });
    const chosen = chooseImages(stores.flatMap(imagesOf), []);
    const { form, platform: archivePlatform } = runtime;
    const plan = await planExport(chosen, { form, platforms: [], archivePlatform, signal });
    const ofBundles = stores.flatMap(({ notices }) => notices);
    return {
      target: formatRuntimeTarget(target),
      runtime,
      chosen: chosen.images,
      plan,
      bundle: stores.length === 1 ? await stores[0]?.digest() : undefined,
      extent: {
        packages: sum(stores.map(({ extent }) => extent.packages)),
        files: sum(stores.map(({ extent }) => extent.files)),
      },
      ...(signed.signatures ? { signatures: signed.signatures } : {}),
      notices: [
        ...ofBundles,
        ...signed.notices,
        ...plan.notices,
        ...noticesOfPlatform(plan, runtime),
      ],
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function checkLoadOptions(options: LoadOptions | PlanLoadOptions): RuntimeTarget {
  checkOptions<LoadOptions>(options, {
    bundlePaths: "texts",
    target: "text",
    env: "object?",
    onPartialReceipt: "function?",
    onEvent: "function?",
    signal: "signal?",
  });
  if (options.bundlePaths.length === 0) throw new OptionInvalidError("bundlePaths", "it is empty");
  const target = parseRuntimeTarget(options.target);
  if (target !== undefined) return target;
  throw new OptionInvalidError("target", `"${options.target}" names no runtime`, {
    hint: "Write it as containerd:///run/containerd/containerd.sock, docker://local or podman://local",
  });
}

/** Docker and podman run what they emulate, too: an image for another machine is loaded, and said to be. */
function noticesOfPlatform({ contents }: ExportPlan, { platform }: Runtime): Notice[] {
  if (platform === undefined) return [];
  const others = contents.filter(
    ({ platforms }) =>
      platforms.length > 0 &&
      !platforms.some((one) => matchesPlatform(platform, parsePlatform(one))),
  );
  return others.map((image) => {
    const [taken] = image.platforms;
    const message = `"${exportedName(image)}" has no ${formatPlatform(platform)}: the runtime gets another, of ${taken ?? "none"} and its like`;
    return { code: "PLATFORM_ABSENT", message };
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
