import { VERSION } from "../../index.ts";
import type { Action } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { type REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { printResult } from "../output/result.ts";

const MEDIA_TYPE = "application/vnd.airgap-mirror.version.v1+json";

export const runVersionCommand: Action<typeof REPORT_FLAGS> = async ({ flags }, context) => {
  const { result } = toOutputOptions(flags, context);
  const value = { schemaVersion: 1, mediaType: MEDIA_TYPE, version: VERSION };
  printResult(value, { ...context, result, text: () => `${VERSION}\n` });
  return EXIT_DONE;
};
