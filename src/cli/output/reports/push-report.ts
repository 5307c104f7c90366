import type { PushPlanReport, Receipt } from "../../../index.ts";
import { renderImageName } from "../image-name.ts";
import { sanitize, shortDigest } from "../sanitize.ts";
import { formatBytes, formatCount } from "../units.ts";
import { renderFailures } from "./failure-list.ts";
import { renderSignatures } from "./signatures.ts";

/** What a push did; failures by cause first, because they are what has to be read. */
export function renderReceipt(receipt: Receipt, receiptPath: string): string {
  const { images, tags, blobs, resumedBytes } = receipt.totals;
  const { sentBytes, mountedBytes, alreadyThereBytes } = receipt.totals;
  const resumed =
    resumedBytes > 0 ? `sent before the interruption ${formatBytes(resumedBytes)}, ` : "";
  return [
    ...renderFailures(receipt.failures),
    ...renderSignatures(receipt.signatures),
    `sent ${formatBytes(sentBytes)}, ${resumed}mounted ${formatBytes(mountedBytes)}, already there ${formatBytes(alreadyThereBytes)}`,
    receipt.complete
      ? `Pushed to ${sanitize(receipt.target)}: ${formatCount(images, "image")}, ${formatCount(blobs, "blob")}; ${formatCount(tags, "tag")} read back.`
      : `The push to ${sanitize(receipt.target)} is not complete: ${formatCount(receipt.failures.length, "failure")}. Remove the cause and run the same command again.`,
    `Receipt: ${sanitize(receiptPath)}\n`,
  ].join("\n");
}

/** What a push would do. */
export function renderPushPlan(plan: PushPlanReport): string {
  const { target, images, bytes, notices, signatures } = plan;
  return [
    ...images.map((image) => `${renderImageName(image)}  ${shortDigest(image.digest)}`),
    ...renderSignatures(signatures),
    ...notices.map((notice) => `notice: ${sanitize(notice.message)}`),
    `to push to ${sanitize(target)}: ${formatCount(images.length, "image")}, ${formatBytes(bytes)} less what is already there\n`,
  ].join("\n");
}
