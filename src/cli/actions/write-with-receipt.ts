import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type Receipt, writeReceipt } from "../../index.ts";
import type { CliContext } from "../command.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import type { FlagValues } from "../options/flag.ts";
import { type OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderReceipt } from "../output/reports/push-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";

type ReceiptFlags = FlagValues<typeof OUTPUT_FLAGS> & { readonly receipt?: string | undefined };

export type SendWithReceipt = (onPartialReceipt: (receipt: Receipt) => void) => Promise<Receipt>;

/** Sends something, and writes what became of it, also where it ended early. */
export async function writeWithReceipt(
  send: SendWithReceipt,
  flags: ReceiptFlags,
  context: CliContext,
): Promise<number> {
  const receiptPath = flags.receipt ?? "./receipt.json";
  await checkReceiptPath(receiptPath);
  let partial: Receipt | undefined;
  const keep = (receipt: Receipt) => {
    partial = receipt;
  };
  const receipt = await send(keep).catch(async (error: unknown) => {
    if (partial) await writeReceipt(receiptPath, context.inFlags(partial));
    throw error;
  });
  await writeReceipt(receiptPath, context.inFlags(receipt));
  const { result } = toOutputOptions(flags, context);
  const text = (shown: Receipt) => renderReceipt(shown, receiptPath);
  printResult(receipt, { ...context, result, text });
  return exitCodeOfOutcome(receipt);
}

/** Hours of pushing must not end with a receipt that cannot be written. */
async function checkReceiptPath(receiptPath: string): Promise<void> {
  const hint = "Name another place with --receipt FILE";
  if (receiptPath === "-") {
    throw new UsageError('Cannot write the receipt to "-": a file is expected', {
      hint: "Print it with --json, and name a file with --receipt FILE",
    });
  }
  const unfit = await stat(receiptPath).then(
    (stats) => (stats.isDirectory() ? "a directory" : stats.isFile() ? undefined : "no file"),
    () => (receiptPath.endsWith("/") ? "a directory" : undefined),
  );
  if (unfit !== undefined) {
    throw new UsageError(`Cannot write the receipt to "${receiptPath}": it is ${unfit}`, { hint });
  }
  const directory = dirname(resolve(receiptPath));
  try {
    await access(directory, constants.W_OK);
  } catch (cause) {
    throw new UsageError(`Cannot write the receipt into "${directory}"`, { cause, hint });
  }
}
