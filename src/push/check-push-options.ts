import { checkOptions } from "../check-options.ts";
import { OptionInvalidError } from "../errors.ts";
import { parseReferrerTypes } from "../oci/referrer-types.ts";
import { option } from "../option.ts";
import type { FollowerWishes } from "./followers/choose-followers.ts";
import type { PlanPushAllOptions, PushAllOptions, PushOptions } from "./push-options.ts";

export function checkPushOptions(options: PushOptions): void {
  checkOptions(options, { bundlePath: "text" });
  checkCommon(options);
}

export function checkPushAllOptions(options: PushAllOptions): void {
  checkPlanPushAllOptions(options);
  checkCommon(options);
}

/** A plan opens no target. */
export function checkPlanPushAllOptions(options: PlanPushAllOptions): void {
  checkOptions(options, {
    bundlePaths: "texts",
    target: "object",
    modulesPathSuffix: "text?",
    tag: "text?",
    noReferrers: "switch?",
    referrerTypes: "texts?",
  });
  checkTarget(options);
  checkFollowers(options);
}

function checkCommon(options: Omit<PushOptions, "bundlePath">): void {
  checkOptions(options, {
    target: "object",
    openTarget: "function",
    modulesPathSuffix: "text?",
    tag: "text?",
    noReferrers: "switch?",
    referrerTypes: "texts?",
    concurrency: "count?",
    trustTarget: "switch?",
    onPartialReceipt: "function?",
    onEvent: "function?",
    signal: "signal?",
  });
  checkTarget(options);
  checkFollowers(options);
}

function checkFollowers({ noReferrers, referrerTypes = [] }: FollowerWishes): void {
  parseReferrerTypes(referrerTypes);
  if (!noReferrers || referrerTypes.length === 0) return;
  throw new OptionInvalidError("referrerTypes", `${option("noReferrers")} leaves all of them out`);
}

function checkTarget({ target }: Pick<PushOptions, "target">): void {
  checkOptions(target, { registry: "text", repository: "text" });
}
