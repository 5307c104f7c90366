import { checkOptions } from "../check-options.ts";
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
  });
  checkTarget(options);
}

function checkCommon(options: Omit<PushOptions, "bundlePath">): void {
  checkOptions(options, {
    target: "object",
    openTarget: "function",
    modulesPathSuffix: "text?",
    tag: "text?",
    concurrency: "count?",
    trustTarget: "switch?",
    onPartialReceipt: "function?",
    onEvent: "function?",
    signal: "signal?",
  });
  checkTarget(options);
}

function checkTarget({ target }: Pick<PushOptions, "target">): void {
  checkOptions(target, { registry: "text", repository: "text" });
}
