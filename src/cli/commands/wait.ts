import { type Notice, waitForRegistry } from "../../index.ts";
import type { Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { parseDuration } from "../options/duration.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { REGISTRY_FLAGS, toRegistryOptions } from "../options/registry.ts";
import { printResult } from "../output/result.ts";
import { sanitize } from "../output/sanitize.ts";
import { toSurroundings } from "./open-client.ts";

const FLAGS = {
  timeout: { type: "string", describe: "How long in all: 90s, 5m (default: 30s)" },
  "tls-skip-verify": REGISTRY_FLAGS["tls-skip-verify"],
  "tls-skip-verify-host": REGISTRY_FLAGS["tls-skip-verify-host"],
  "ca-file": REGISTRY_FLAGS["ca-file"],
  "cert-file": REGISTRY_FLAGS["cert-file"],
  "key-file": REGISTRY_FLAGS["key-file"],
  "certs-dir": REGISTRY_FLAGS["certs-dir"],
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const WAIT_COMMAND: Command<typeof FLAGS> = {
  name: "wait",
  describe: "Wait until a registry answers, with 200 or by asking for a login",
  positionals: [{ name: "url", describe: "Address of the registry: http://127.0.0.1:5000" }],
  flags: FLAGS,
  examples: ["mirror wait http://127.0.0.1:5000 --timeout 2m && systemctl start k3s"],
  resumeHint: "Nothing was written; run the same command again",
  async run({ flags, positionals }, context) {
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
  },
};
