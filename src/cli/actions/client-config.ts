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
  readInstalledNamespaces,
  readNamedText,
  renderDiff,
  reportOf,
} from "../../index.ts";
import type { Action, CliContext } from "../command.ts";
import type { FLAGS } from "../commands/client-config.ts";
import { EXIT_DONE } from "../exit-code.ts";
import {
  type ClientConfigFlags,
  toNamespaces,
  toRuntimeOptions,
} from "../options/client-config.ts";
import { toOutputOptions } from "../options/output.ts";
import { renderClientConfig } from "../output/reports/client-config-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { readLogin } from "./read-login.ts";
import { removeClientConfig } from "./remove-client-config.ts";

export const runClientConfigCommand: Action<typeof FLAGS> = async (given, context) => {
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
