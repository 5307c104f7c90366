import type { Receipt } from "../../index.ts";
import { sanitize } from "./sanitize.ts";
import { formatBytes, formatCount } from "./units.ts";

/** What a push did; failures by cause first, because they are what has to be read. */
export function renderReceipt(receipt: Receipt, receiptPath: string): string {
  const { images, tags, blobs, sentBytes, mountedBytes, alreadyThereBytes } = receipt.totals;
  return [
    ...renderFailures(receipt),
    `sent ${formatBytes(sentBytes)}, mounted ${formatBytes(mountedBytes)}, already there ${formatBytes(alreadyThereBytes)}`,
    receipt.complete
      ? `Pushed to ${sanitize(receipt.target)}: ${formatCount(images, "image")}, ${formatCount(blobs, "blob")}; ${formatCount(tags, "tag")} read back.`
      : `The push to ${sanitize(receipt.target)} is not complete: ${formatCount(receipt.failures.length, "failure")}. Remove the cause and run the same command again.`,
    `Receipt: ${sanitize(receiptPath)}\n`,
  ].join("\n");
}

function renderFailures({ failures }: Receipt): readonly string[] {
  const byCode = new Map<string, Receipt["failures"][number][]>();
  for (const failure of failures) {
    byCode.set(failure.code, [...(byCode.get(failure.code) ?? []), failure]);
  }
  return [...byCode].flatMap(([code, group]) => [
    `${code} (${group.length}):`,
    ...group.map(({ subject, message }) => `  ${sanitize(subject)}: ${sanitize(message)}`),
    ...[...new Set(group.flatMap(({ hint }) => hint ?? []))].map(
      (hint) => `  hint: ${sanitize(hint)}`,
    ),
  ]);
}
