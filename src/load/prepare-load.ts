import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { type ChosenImage, nameInRuntime } from "../export/choose-images.ts";
import { exportedName } from "../export/exported-image.ts";
import { gatherImages } from "../export/gather-images.ts";
import { type ExportPlan, planExport } from "../export/plan-export.ts";
import { refuseEmpty } from "../export/refuse-empty.ts";
import type { Notice } from "../notice.ts";
import type { Digest } from "../oci/digest.ts";
import { formatPlatform, matchesPlatform, type Platform, parsePlatform } from "../oci/platform.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";
import { parsePolicy } from "../trust/policy.ts";
import { requireBundledSignatures } from "../trust/require-bundled-signatures.ts";
import type { LoadOptions, PlanLoadOptions } from "./load-options.ts";
import { openRuntime } from "./open-runtime.ts";
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
  const { env = process.env, requireSignatures, signal } = options;
  const policy = requireSignatures && (await parsePolicy(requireSignatures));
  const runtime = await openRuntime(target, { env, signal });
  const platforms = platformsFor(runtime, options);
  const gathered = await gatherImages(options);
  try {
    const { bundles, images } = gathered;
    const names = new Set(images.map(({ name }) => name));
    const signed = await requireBundledSignatures(bundles, policy, {
      isUsed: (image) => names.has(nameInRuntime(image)),
      signal,
    });
    const [archivePlatform = runtime.platform] = platforms;
    const { form } = runtime;
    const plan = await planExport(gathered, { form, platforms, archivePlatform, signal });
    // What was not chosen is told by notices, what was chosen is there
    if (options.images !== undefined || platforms.length > 0) refuseEmpty(plan);
    return {
      target: formatRuntimeTarget(target),
      runtime,
      chosen: images,
      plan,
      bundle: bundles.length === 1 ? await bundles[0]?.digest() : undefined,
      extent: {
        packages: sum(bundles.map(({ extent }) => extent.packages)),
        files: sum(bundles.map(({ extent }) => extent.files)),
      },
      ...(signed.signatures ? { signatures: signed.signatures } : {}),
      notices: [
        ...gathered.notices,
        ...signed.notices,
        ...plan.notices,
        ...(platforms.length > 0 ? [] : noticesOfPlatform(plan, runtime)),
      ],
      [Symbol.asyncDispose]: () => gathered[Symbol.asyncDispose](),
    };
  } catch (error) {
    await gathered[Symbol.asyncDispose]();
    throw error;
  }
}

function platformsFor(
  { form }: Runtime,
  { platforms = [] }: Pick<LoadOptions, "platforms">,
): readonly Platform[] {
  if (form === "docker-archive" && platforms.length > 1) {
    throw new OptionInvalidError("platforms", "the runtime takes one platform of an image");
  }
  return platforms.map(parsePlatform);
}

function checkLoadOptions(options: LoadOptions | PlanLoadOptions): RuntimeTarget {
  checkOptions<LoadOptions>(options, {
    bundlePaths: "texts",
    target: "text",
    images: "texts?",
    platforms: "texts?",
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
