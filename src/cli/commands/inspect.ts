import { inspectBundle } from "../../index.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderBundle } from "../output/bundle-report.ts";
import { printResult } from "../output/result.ts";

export const INSPECT_COMMAND: Command<typeof REPORT_FLAGS> = {
  name: "inspect",
  describe: "Show what is in a bundle: packages, images, tags, digests, sizes",
  positionals: [{ name: "bundle", describe: "Directory of the bundle, or one package file of it" }],
  flags: REPORT_FLAGS,
  examples: ["mirror inspect ./bundle --json"],
  resumeHint: "Nothing was written; run the same command again",
  async run({ flags, positionals }, context) {
    const bundlePath = positionals["bundle"] ?? ".";
    const bundle = await inspectBundle({ bundlePath, signal: context.signal });
    const { result } = toOutputOptions(flags, context);
    printResult(bundle, { ...context, result, text: renderBundle });
    return EXIT_DONE;
  },
};
