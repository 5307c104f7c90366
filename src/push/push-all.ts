import { basename, dirname, resolve } from "node:path";
import { parsePackageFile } from "../bundle/format/format.ts";
import { type BareTag, refuseClash } from "../bundle/images/bare-tags.ts";
import { readBundledGraph } from "../bundle/images/bundle-graph.ts";
import { readPointedVersion } from "../bundle/images/pointed-version.ts";
import type { Notice } from "../notice.ts";
import { formatReference } from "../oci/reference.ts";
import { isChannel } from "../product/channel.ts";
import { hasVersion } from "../product/closure.ts";
import type { AcceptedSignature } from "../trust/check-signatures.ts";
import { checkPlanPushAllOptions, checkPushAllOptions } from "./check-push-options.ts";
import type { LeftOutReferrer } from "./followers/choose-followers.ts";
import { type OpenedPush, openPush } from "./open-push.ts";
import { isChannelImage, targetVersionOf } from "./publish/channel-closure.ts";
import { push } from "./push.ts";
import type { PlanPushAllOptions, PushAllOptions } from "./push-options.ts";
import { RECEIPT_MEDIA_TYPE, type Receipt, type ReceiptTotals } from "./receipt/receipt.ts";

/** Where everything of some bundles would go. */
export const PUSH_PLAN_MEDIA_TYPE = "application/vnd.airgap-mirror.push-plan.v1+json";

export interface PushPlanReport {
  readonly schemaVersion: 1;
  readonly mediaType: typeof PUSH_PLAN_MEDIA_TYPE;
  /** `registry/repository` */
  readonly target: string;
  readonly images: readonly PlannedPushImage[];
  /** Of all distinct blobs; what the target has already is not known yet. */
  readonly bytes: number;
  /** What belongs to images and is not to be pushed; missing if it is nothing. */
  readonly leftOut?: readonly LeftOutReferrer[];
  /** What the images are signed with, where that was demanded. */
  readonly signatures?: readonly AcceptedSignature[];
  readonly notices: readonly Notice[];
}

export interface PlannedPushImage {
  /** Repository path below the target. */
  readonly repository: string;
  readonly tags: readonly string[];
  readonly digest: string;
}

/** What `pushAll` would do. Reads the bundles and sends nothing. */
export async function planPushAll(options: PlanPushAllOptions): Promise<PushPlanReport> {
  checkPlanPushAllOptions(options);
  const images: PlannedPushImage[] = [];
  const notices: Notice[] = [];
  const bare: BareTag[] = [];
  const signatures: AcceptedSignature[] = [];
  const leftOut: LeftOutReferrer[] = [];
  let bytes = 0;
  for (const bundlePath of distinctBundles(options.bundlePaths)) {
    await using opened = await openPush({ ...options, bundlePath });
    bytes += opened.bytes;
    leftOut.push(...opened.leftOut);
    notices.push(...opened.notices);
    signatures.push(...(opened.signatures ?? []));
    notices.push(...(await checkImages(opened)));
    for (const { repository, tags, root, isBare } of opened.plan.images) {
      images.push({ repository, tags, digest: root.digest });
      if (isBare) bare.push(...tags.map((tag) => ({ repository, tag, digest: root.digest })));
    }
    refuseClash(bare, bundlePath);
  }
  const target = formatReference(options.target);
  return {
    schemaVersion: 1,
    mediaType: PUSH_PLAN_MEDIA_TYPE,
    target,
    images,
    bytes,
    ...(leftOut.length > 0 ? { leftOut } : {}),
    ...(options.requireSignatures ? { signatures } : {}),
    notices,
  };
}

/** Each path stands for a whole package: several chunk files of one are one. */
function distinctBundles(paths: readonly string[]): string[] {
  const byPackage = paths.map((path): [string, string] => {
    const name = parsePackageFile(basename(path))?.packageName;
    return [name === undefined ? resolve(path) : resolve(dirname(path), `${name}.tar`), path];
  });
  return [...new Map(byPackage).values()];
}

/** Looks up all that the images need, and says which release channels point at versions of elsewhere. */
async function checkImages({ bundle, plan }: OpenedPush): Promise<Notice[]> {
  const notices: Notice[] = [];
  for (const image of plan.images) {
    const { layout, repository, root, tags } = image;
    const graph = await readBundledGraph(bundle, layout, root);
    if (!isChannelImage(image)) continue;
    const version = await readPointedVersion({ bundle, layout, graph });
    const place = version === undefined ? undefined : targetVersionOf(image, version);
    if (place === undefined || hasVersion(plan.images, place)) continue;
    const subject = `${repository}:${tags.filter(isChannel).join(",")}`;
    const pointed = `${place.repository}:${version}`;
    const message = `"${subject}" points at "${pointed}", which the bundle does not have: it is published only if the target has it`;
    notices.push({ code: "CHANNEL_UNBUNDLED", message });
  }
  return notices;
}

/** Replays several bundles, one after the other, once all of them can be read. One receipt for all. */
export async function pushAll(all: PushAllOptions): Promise<Receipt> {
  checkPushAllOptions(all);
  const { bundlePaths: given, ...options } = all;
  const bundlePaths = distinctBundles(given);
  const [only, ...others] = bundlePaths;
  if (only !== undefined && others.length === 0) return push({ ...options, bundlePath: only });
  await planPushAll({ ...options, bundlePaths });
  const receipts: Receipt[] = [];
  const { onPartialReceipt } = options;
  for (const bundlePath of bundlePaths) {
    const receipt = await push({
      ...options,
      bundlePath,
      onPartialReceipt: (partial) => onPartialReceipt?.(joinReceipts([...receipts, partial], all)),
    });
    receipts.push(receipt);
  }
  return joinReceipts(receipts, all);
}

function joinReceipts(
  receipts: readonly Receipt[],
  { target }: Pick<PushAllOptions, "target">,
): Receipt {
  return {
    schemaVersion: 1,
    mediaType: RECEIPT_MEDIA_TYPE,
    target: formatReference(target),
    complete: receipts.every(({ complete }) => complete),
    images: receipts.flatMap(({ images }) => images),
    totals: addTotals(receipts.map(({ totals }) => totals)),
    ...joinLeftOut(receipts),
    ...joinSignatures(receipts),
    failures: receipts.flatMap(({ failures }) => failures),
    notices: receipts.flatMap(({ notices }) => notices),
  };
}

function joinLeftOut(receipts: readonly Receipt[]): Pick<Receipt, "leftOut"> {
  const leftOut = receipts.flatMap((receipt) => receipt.leftOut ?? []);
  return leftOut.length > 0 ? { leftOut } : {};
}

function joinSignatures(all: readonly Receipt[]): Pick<Receipt, "signatures"> {
  const demanded = all.filter(({ signatures }) => signatures !== undefined);
  return demanded.length === 0
    ? {}
    : { signatures: demanded.flatMap(({ signatures = [] }) => signatures) };
}

function addTotals(all: readonly ReceiptTotals[]): ReceiptTotals {
  const sum = (name: keyof ReceiptTotals) => all.reduce((total, one) => total + one[name], 0);
  return {
    images: sum("images"),
    tags: sum("tags"),
    blobs: sum("blobs"),
    bytes: sum("bytes"),
    sentBytes: sum("sentBytes"),
    repeatedBytes: sum("repeatedBytes"),
    resumedBytes: sum("resumedBytes"),
    mountedBytes: sum("mountedBytes"),
    alreadyThereBytes: sum("alreadyThereBytes"),
  };
}
