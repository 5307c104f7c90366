import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  type PushAllOptions,
  parseByteSize,
  parseRepositoryReference,
  planPushAll,
  pushAll,
  type Receipt,
  writeReceipt,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/push.ts";
import { EXIT_DONE, exitCodeOfOutcome } from "../exit-code.ts";
import { askPassword } from "../options/ask-password.ts";
import { noticesOfEnvironment } from "../options/environment.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { noticesOfPasswords, toRegistryOptions, toTargetLogin } from "../options/registry.ts";
import { readSecret } from "../options/stdin.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { renderPushPlan, renderReceipt } from "../output/push-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";

export const runPushCommand: Action<typeof FLAGS> = (given, context) => {
  const wishes = toPushWishes(given);
  return given.flags["dry-run"]
    ? runDryPush(wishes, given.flags, context)
    : runPush(wishes, given.flags, context);
};

type PushFlags = FlagValues<typeof FLAGS>;
type PushWishes = ReturnType<typeof toPushWishes>;

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
    target: parseRepositoryReference(target),
    modulesPathSuffix: flags["modules-path-suffix"],
    tag: flags.tag,
  };
}

async function runDryPush(
  wishes: PushWishes,
  flags: PushFlags,
  context: CliContext,
): Promise<number> {
  const plan = await planPushAll(wishes);
  const { result } = toOutputOptions(flags, context);
  printResult(plan, { ...context, result, text: renderPushPlan });
  return EXIT_DONE;
}

async function runPush(wishes: PushWishes, flags: PushFlags, context: CliContext): Promise<number> {
  const receiptPath = flags.receipt ?? "./receipt.json";
  await checkReceiptPath(receiptPath);
  let partial: Receipt | undefined;
  const onPartialReceipt = (receipt: Receipt) => {
    partial = receipt;
  };
  const receipt = await sendAll({ ...wishes, onPartialReceipt }, flags, context).catch(
    async (error: unknown) => {
      if (partial) await writeReceipt(receiptPath, context.inFlags(partial));
      throw error;
    },
  );
  await writeReceipt(receiptPath, context.inFlags(receipt));
  const { result } = toOutputOptions(flags, context);
  const text = (shown: Receipt) => renderReceipt(shown, receiptPath);
  printResult(receipt, { ...context, result, text });
  return exitCodeOfOutcome(receipt);
}

async function sendAll(
  wishes: PushWishes & Pick<PushAllOptions, "onPartialReceipt">,
  flags: PushFlags,
  context: CliContext,
): Promise<Receipt> {
  const { progress, debug } = toOutputOptions(flags, context);
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

/** Hours of pushing must not end with a receipt that cannot be written. */
async function checkReceiptPath(receiptPath: string): Promise<void> {
  const hint = "Name another place with --receipt FILE";
  if (receiptPath === "-") {
    throw new UsageError('Cannot write the receipt to "-": a file is expected', {
      hint: "Print it with --json, and name a file with --receipt FILE",
    });
  }
  const isDirectory = await stat(receiptPath).then(
    (stats) => stats.isDirectory(),
    () => receiptPath.endsWith("/"),
  );
  if (isDirectory) {
    throw new UsageError(`Cannot write the receipt to "${receiptPath}": it is a directory`, {
      hint,
    });
  }
  const directory = dirname(resolve(receiptPath));
  try {
    await access(directory, constants.W_OK);
  } catch (cause) {
    throw new UsageError(`Cannot write the receipt into "${directory}"`, { cause, hint });
  }
}
