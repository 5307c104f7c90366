import type { DemoStep, DemoSummary } from "../../../index.ts";
import { sanitize } from "../sanitize.ts";

/** One station of the way: what a user would type, and what came out. */
export function renderDemoStep({ title, command, lines }: DemoStep): string {
  return [
    `▸ ${sanitize(title)}`,
    ...(command === undefined ? [] : [`  $ ${sanitize(command)}`]),
    ...lines.map((line) => `    ${sanitize(line)}`),
    "\n",
  ].join("\n");
}

/** `keptIn`: where the bundle still is when the demo has ended. */
export function renderDemoSummary(
  { complete }: Pick<DemoSummary, "complete">,
  keptIn: string | undefined,
): string {
  const place =
    keptIn === undefined
      ? "The files are gone again; mirror demo --directory DIR keeps them."
      : `Bundle and receipt are in ${sanitize(keptIn)}.`;
  return complete
    ? `What was planned is in the target, digest by digest. ${place}\n`
    : `The demo did not come to its end as it should. ${place}\n`;
}
