import { resolve } from "node:path";
import {
  applyInstall,
  bundledRegistries,
  type ClientConfig,
  INJECTION_FILE,
  inspectBundle,
  planClientConfig,
  planInstall,
  type RouteForm,
  RUNTIME_NAMES,
  readInstalledNamespaces,
  readNamedText,
  renderDiff,
  reportOf,
} from "../../index.ts";
import type { CliContext, Command } from "../command.ts";
import { EXIT_DONE } from "../exit-code.ts";
import {
  CLIENT_CONFIG_FLAGS,
  type ClientConfigFlags,
  toNamespaces,
  toRuntimeOptions,
} from "../options/client-config.ts";
import type { FlagTable } from "../options/flag.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { renderClientConfig } from "../output/client-config-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { readLogin } from "./read-login.ts";
import { removeClientConfig } from "./remove-client-config.ts";

const FLAGS = { ...CLIENT_CONFIG_FLAGS, ...REPORT_FLAGS } as const satisfies FlagTable;

export const CLIENT_CONFIG_COMMAND: Command<typeof FLAGS> = {
  name: "client-config",
  describe: "Configure a client so that it takes its images from a mirror",
  positionals: [{ name: "runtime", describe: `One of ${RUNTIME_NAMES.join(", ")}` }],
  flags: FLAGS,
  examples: [
    "mirror client-config containerd --mirror http://10.0.0.1:5000 --bundle ./bundle --no-fallback",
    "mirror client-config k3s --mirror https://mirror.lan --namespaces docker.io --out /etc/rancher/k3s",
    "mirror client-config containerd --remove --out /etc/containerd/certs.d",
  ],
  resumeHint: "Run the same command again: it goes on, and --remove takes everything back",
  async run(given, context) {
    const { flags, positionals } = given;
    const runtime = positionals["runtime"] ?? "";
    if (flags.remove) return await removeClientConfig(runtime, flags, context);
    const config = await plan(runtime, flags, context);
    if (flags.inject) return printScript(config, context);
    const install = flags.out === undefined ? undefined : await planInstall(config, flags.out);
    const isShown = install !== undefined && Boolean(flags.diff);
    if (install && !isShown) await applyInstall(install);
    const { result } = toOutputOptions(flags, context);
    const diff = isShown ? await renderDiff(install.changes) : undefined;
    const text = () => diff ?? renderClientConfig(config, install?.changes);
    printResult(reportOf(config, install?.changes), { ...context, result, text });
    return EXIT_DONE;
  },
};

async function plan(
  runtime: string,
  flags: ClientConfigFlags,
  context: CliContext,
): Promise<ClientConfig> {
  const { mirror = "", form, out } = flags;
  const bundles = flags.bundle ?? [];
  const credential = await readLogin(flags, mirror, context);
  const caFile = flags["ca-file"];
  const options = toRuntimeOptions(
    flags,
    bundles.map((path) => resolve(path)),
  );
  return await planClientConfig({
    runtime,
    mirror,
    namespaces: await readNamespaces(flags, context),
    ...(form === undefined ? {} : { form: form as RouteForm }),
    fallback: !flags["no-fallback"],
    ...(caFile === undefined ? {} : { ca: await readNamedText(caFile) }),
    skipVerify: flags["tls-skip-verify"],
    credential,
    includeSecrets: flags["include-secrets"],
    options: out === undefined ? options : { ...options, hostDirectory: resolve(out) },
  });
}

/** Named ones, else those of bundles, else those of an earlier run in the same place. */
async function readNamespaces(flags: ClientConfigFlags, { signal }: CliContext): Promise<string[]> {
  const found = new Set(toNamespaces(flags));
  for (const bundlePath of flags.bundle ?? []) {
    const bundle = await inspectBundle({ bundlePath, signal });
    for (const name of bundledRegistries(bundle)) found.add(name);
  }
  if (found.size > 0 || flags.out === undefined) return [...found];
  return await readInstalledNamespaces(flags.out);
}

function printScript({ files, runtime }: ClientConfig, { stdout }: CliContext): number {
  const script = files.find(({ path }) => path === INJECTION_FILE);
  if (script === undefined) {
    throw new UsageError(`Cannot use --inject: there is no script for ${runtime}`, {
      hint: "Use it with kind or vcluster; elsewhere write the files on the nodes with --out",
    });
  }
  stdout.write(script.text);
  return EXIT_DONE;
}
