import { loadBundles, planLoad } from "../../index.ts";
import type { CliContext } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import type { FlagValues } from "../options/flag.ts";
import { type OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import type { SIGNATURE_FLAGS } from "../options/signatures.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderPushPlan } from "../output/reports/push-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { toSignatureOptions } from "./signature-options.ts";
import { type SendWithReceipt, writeWithReceipt } from "./write-with-receipt.ts";

/** What only registries have. */
const REGISTRY_ONLY = [
  "modules-path-suffix",
  "tag",
  "part-size",
  "trust-target",
  "no-referrers",
  "referrer-type",
] as const;

type LoadFlags = FlagValues<typeof OUTPUT_FLAGS & typeof SIGNATURE_FLAGS> & {
  readonly receipt?: string | undefined;
  readonly "dry-run"?: boolean | undefined;
  readonly "registry-login"?: string | undefined;
  readonly image?: readonly string[] | undefined;
  readonly platform?: readonly string[] | undefined;
} & {
  readonly [Name in (typeof REGISTRY_ONLY)[number]]?:
    | string
    | readonly string[]
    | boolean
    | undefined;
};

export interface LoadWishes {
  readonly bundlePaths: readonly string[];
  /** `containerd://…`, `docker://…` or `podman://…`. */
  readonly target: string;
  readonly flags: LoadFlags;
}

/** A push whose target is a runtime of this machine. */
export async function runLoad(
  { bundlePaths, target, flags }: LoadWishes,
  context: CliContext,
): Promise<number> {
  const misplaced = REGISTRY_ONLY.find((name) => flags[name] !== undefined);
  if (misplaced !== undefined) {
    throw new UsageError(`Cannot use --${misplaced} with "${target}": it is for registries`);
  }
  const { env, signal } = context;
  const chosen = { images: flags.image, platforms: flags.platform };
  const signatures = await toSignatureOptions(flags);
  const wishes = { bundlePaths, target, ...chosen, env, signal, ...signatures };
  const { progress, result } = toOutputOptions(flags, context);
  if (flags["dry-run"]) {
    printResult(await planLoad(wishes), { ...context, result, text: renderPushPlan });
    return EXIT_DONE;
  }
  const told = flags["registry-login"] === undefined ? [] : [LOGIN_UNUSED];
  const send: SendWithReceipt = async (onPartialReceipt) => {
    using renderer = openRenderer(progress, context);
    for (const notice of told) renderer.onEvent({ type: "notice", ...notice });
    const { onEvent } = renderer;
    const receipt = await loadBundles({ ...wishes, onPartialReceipt, onEvent });
    return { ...receipt, notices: [...context.notices, ...told, ...receipt.notices] };
  };
  return await writeWithReceipt(send, flags, context);
}

const LOGIN_UNUSED = {
  code: "LOGIN_UNUSED",
  message: "The login is for a registry, and the target is a runtime of this machine",
} as const;
