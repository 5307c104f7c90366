import { EXPORT_FORMS, type ExportForm, exportBundle } from "../../index.ts";
import type { Command } from "../command.ts";
import { exitCodeOfOutcome } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderExport } from "../output/export-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";

const FLAGS = {
  out: {
    type: "string",
    describe: "File to write; for oci-layout the directory to make",
    group: "Export:",
  },
  image: {
    type: "list",
    describe: "Image to export, * stands for any text; repeatable (default: all)",
    group: "Export:",
  },
  platform: {
    type: "list",
    describe: "Platform to keep of multi-platform images: os/arch[/variant]; repeatable",
    group: "Export:",
  },
  compress: {
    type: "string",
    describe: "Compress the archive: for k3s and docker load; ctr and podman do not read that",
    choices: ["gzip"],
    group: "Export:",
  },
  list: {
    type: "boolean",
    describe: "For k3s: write the names of the images, for a .txt in agent/images",
    group: "Export:",
  },
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const EXPORT_COMMAND: Command<typeof FLAGS> = {
  name: "export",
  describe: "Make archives and layouts that runtimes load without a registry",
  positionals: [
    { name: "form", describe: `One of ${EXPORT_FORMS.join(", ")}` },
    { name: "bundles", describe: "Directories of bundles, or package files", isList: true },
  ],
  flags: FLAGS,
  examples: [
    "mirror export k3s ./bundle --out /var/lib/rancher/k3s/agent/images/mirror.tar",
    "mirror export docker-archive ./bundle --image 'docker.io/library/*' --platform linux/arm64 --out web.tar",
  ],
  resumeHint:
    "Run the same command again: it starts over, and what was there is kept until it ends",
  async run({ flags, positionals, rest }, context) {
    const { out, image, platform, compress, list } = flags;
    if (out === undefined) {
      throw new UsageError("Cannot export: nothing says where to", { hint: "Name it with --out" });
    }
    const report = await exportBundle({
      form: (positionals["form"] ?? "") as ExportForm,
      bundlePaths: rest,
      out,
      images: image,
      platforms: platform,
      ...(compress === "gzip" ? { compress } : {}),
      list,
      signal: context.signal,
    });
    const { result } = toOutputOptions(flags, context);
    printResult(report, { ...context, result, text: renderExport });
    return exitCodeOfOutcome(report);
  },
};
