import { existsSync } from "node:fs";
import {
  type PlanPushAllOptions,
  type PushAllOptions,
  parseByteSize,
  parseRepositoryReference,
  parseRuntimeTarget,
  planPushAll,
  pushAll,
  type Receipt,
  type RepositoryReference,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/push.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { askPassword } from "../options/ask-password.ts";
import { noticesOfPasswords, toTargetLogin } from "../options/credentials.ts";
import { noticesOfEnvironment } from "../options/environment.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { readSecret } from "../options/stdin.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderPushPlan } from "../output/reports/push-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { runLoad } from "./load.ts";
import { openClient } from "./open-client.ts";
import { toSignatureOptions } from "./signature-options.ts";
import { type SendWithReceipt, writeWithReceipt } from "./write-with-receipt.ts";

export const runPushCommand: Action<typeof FLAGS> = (given, context) => {
  const { target, bundlePaths, ...others } = toPushWishes(given);
  if (parseRuntimeTarget(target) !== undefined) {
    return runLoad({ bundlePaths, target, flags: given.flags }, context);
  }
  const misplaced = RUNTIME_ONLY.find((name) => given.flags[name] !== undefined);
  if (misplaced !== undefined) {
    throw new UsageError(`Cannot use --${misplaced} with "${target}": it is for runtimes`, {
      hint: "A registry gets all that a bundle has: choose the images when it is pulled",
    });
  }
  const wishes = { ...others, bundlePaths, target: toTarget(target, bundlePaths) };
  return given.flags["dry-run"]
    ? runDryPush(wishes, given.flags, context)
    : runPush(wishes, given.flags, context);
};

/** Who names them the other way round is told so, and not that a directory is no registry. */
function toTarget(target: string, [bundlePath = ""]: readonly string[]): RepositoryReference {
  try {
    return parseRepositoryReference(target);
  } catch (error) {
    const isSwapped = existsSync(target) && !existsSync(bundlePath);
    if (!isSwapped) throw error;
    throw new UsageError(`Cannot push to "${target}": it is a file or directory`, {
      hint: `The bundle comes first: mirror push ${target} ${bundlePath}`,
    });
  }
}

/** What only archives can be cut to. */
const RUNTIME_ONLY = ["image", "platform"] as const;

type PushFlags = FlagValues<typeof FLAGS>;
type PushWishes = PlanPushAllOptions;

/** The target comes last; what stands before it may be missing if `--file` says what to push. */
function toPushWishes({ flags, positionals }: CommandArguments<typeof FLAGS>) {
  const given = [positionals["bundle"], positionals["target"]].filter((word) => word);
  const files = flags.file ?? [];
  const target = given.pop();
  const bundlePaths = [...new Set([...given, ...files].map((path) => path ?? ""))];
  if (target === undefined || bundlePaths.length === 0) {
    throw new UsageError("Argument missing: mirror push <bundle> <registry/repository>", {
      hint: "Name the bundle and the target; with --file the bundle can be left out",
    });
  }
  return {
    bundlePaths,
    target,
    modulesPathSuffix: flags["modules-path-suffix"],
    tag: flags.tag,
    noReferrers: flags["no-referrers"],
    referrerTypes: flags["referrer-type"],
  };
}

async function runDryPush(
  wishes: PushWishes,
  flags: PushFlags,
  context: CliContext,
): Promise<number> {
  const plan = await planPushAll({ ...wishes, ...(await toSignatureOptions(flags)) });
  const { result } = toOutputOptions(flags, context);
  printResult(plan, { ...context, result, text: renderPushPlan });
  return EXIT_DONE;
}

function runPush(wishes: PushWishes, flags: PushFlags, context: CliContext): Promise<number> {
  const send: SendWithReceipt = (onPartialReceipt) =>
    sendAll({ ...wishes, onPartialReceipt }, flags, context);
  return writeWithReceipt(send, flags, context);
}

async function sendAll(
  wishes: PushWishes & Pick<PushAllOptions, "onPartialReceipt">,
  flags: PushFlags,
  context: CliContext,
): Promise<Receipt> {
  const { progress, debug } = toOutputOptions(flags, context);
  const signatureOptions = await toSignatureOptions(flags);
  const { registry } = wishes.target;
  const { env, stdin, signal } = context;
  const secretFromStdin = flags["registry-password-stdin"] ? await readSecret(stdin) : undefined;
  const ask = (name: string) => askPassword(`Password of "${name}" at ${registry}: `, context);
  const login = await toTargetLogin(flags, { env, secretFromStdin, ask });
  using renderer = openRenderer(progress, context);
  const told = [...noticesOfEnvironment(env), ...noticesOfPasswords(flags, env)];
  for (const notice of told) renderer.onEvent({ type: "notice", ...notice });
  const partSizeBytes = toPartSize(flags["part-size"]);
  const opening = { flags, registry, login, renderer, debug, context, partSizeBytes };
  await using client = openClient(opening);
  const receipt = await pushAll({
    ...wishes,
    ...signatureOptions,
    openTarget: (reference) => client.repository(reference),
    trustTarget: flags["trust-target"],
    concurrency: toRegistryOptions(flags).concurrency,
    signal,
    onEvent: renderer.onEvent,
  });
  return { ...receipt, notices: [...context.notices, ...told, ...receipt.notices] };
}

function toPartSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return parseByteSize(text, { defaultUnit: "MB", option: "partSizeBytes" });
}
