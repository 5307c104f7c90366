import { access, constants } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { parseRepositoryReference, push, type Receipt, writeReceipt } from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import {
  REGISTRY_FLAGS,
  TARGET_LOGIN_FLAGS,
  toRegistryOptions,
  toTargetLogin,
} from "../options/registry.ts";
import { readSecret } from "../options/stdin.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { renderReceipt } from "../output/push-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";

const FLAGS = {
  "modules-path-suffix": {
    type: "string",
    describe: "Path of the modules below the target (default: modules)",
    group: "Target:",
  },
  ...TARGET_LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  receipt: {
    type: "string",
    describe: "Where the receipt goes (default: ./receipt.json)",
    group: "Output:",
  },
  ...OUTPUT_FLAGS,
  "tmp-dir": {
    type: "string",
    describe: "Accepted for compatibility: nothing is written there",
  },
  "dry-run": { type: "boolean", describe: "Only print what would be pushed", supported: false },
} as const satisfies FlagTable;

export const PUSH_COMMAND: Command<typeof FLAGS> = {
  name: "push",
  describe: "Replay the bundle into a private registry and write a receipt",
  positionals: [
    { name: "bundle", describe: "Directory of the bundle, or one package file of it" },
    { name: "target", describe: "registry/repository to push to" },
  ],
  flags: FLAGS,
  examples: ["mirror push ./bundle registry.local/mirror -u admin --registry-password-stdin"],
  resumeHint: "Run the same command again: what has arrived is not sent again",
  async run(given, context) {
    const receiptPath = given.flags.receipt ?? "./receipt.json";
    await checkReceiptDirectory(receiptPath);
    const receipt = await runPush(given, context);
    await writeReceipt(receiptPath, receipt);
    const { result } = toOutputOptions(given.flags, context);
    const text = () => renderReceipt(receipt, receiptPath);
    printResult(receipt, { ...context, result, text });
    return exitCodeOfOutcome(receipt);
  },
};

async function runPush(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<Receipt> {
  const { progress, debug } = toOutputOptions(flags, context);
  const target = parseRepositoryReference(positionals["target"] ?? "");
  const secret = flags["registry-password-stdin"] ? await readSecret(context.stdin) : undefined;
  const login = toTargetLogin(flags, secret);
  using renderer = openRenderer(progress, context);
  await using client = openClient({
    flags,
    registry: target.registry,
    login,
    renderer,
    debug,
    env: context.env,
  });
  return await push({
    bundlePath: positionals["bundle"] ?? ".",
    target,
    openTarget: (reference) => client.repository(reference),
    modulesPathSuffix: flags["modules-path-suffix"],
    concurrency: toRegistryOptions(flags).concurrency,
    signal: context.signal,
    onEvent: renderer.onEvent,
  });
}

/** Hours of pushing must not end with a receipt that cannot be written. */
async function checkReceiptDirectory(receiptPath: string): Promise<void> {
  const directory = dirname(resolve(receiptPath));
  try {
    await access(directory, constants.W_OK);
  } catch (cause) {
    throw new UsageError(`Cannot write the receipt into "${directory}"`, {
      cause,
      hint: "Name another place with --receipt FILE",
    });
  }
}
