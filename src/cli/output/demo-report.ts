import type { DemoStep, DemoSummary } from "../../index.ts";
export function renderDemoStep(step: DemoStep): string {
  return `${JSON.stringify(step)}\n`;
}
export function renderDemoSummary(summary: DemoSummary): string {
  return `${JSON.stringify(summary)}\n`;
}
