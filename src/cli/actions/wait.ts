import { type Notice, waitForRegistry } from "../../index.ts";
import type { Action } from "../command.ts";
import type { FLAGS } from "../commands/wait.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { parseDuration } from "../options/duration.ts";
import { toOutputOptions } from "../options/output.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { toSurroundings } from "./open-client.ts";

export const runWaitCommand: Action<typeof FLAGS> = async ({ flags, positionals }, context) => {
  const url = positionals["url"] ?? "";
  const { timeout } = flags;
  const notices: Notice[] = [...context.notices];
  const found = await waitForRegistry({
    ...toRegistryOptions(flags),
    ...toSurroundings(context.env),
    url,
    ...(timeout === undefined ? {} : { timeoutMs: parseDuration(timeout, "timeout") }),
    signal: context.signal,
    onNotice: (notice) => {
      notices.push(notice);
      context.stderr.write(`notice: ${sanitize(context.inFlags(notice).message)}\n`);
    },
  });
  const mediaType = "application/vnd.airgap-mirror.wait.v1+json";
  const value = { schemaVersion: 1, mediaType, url, ...found, notices };
  const { result } = toOutputOptions(flags, context);
  const text = () => `${url} answers ${found.status}\n`;
  printResult(value, { ...context, result, text });
  return EXIT_DONE;
};
