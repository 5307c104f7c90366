import {
  describeSelection,
  type Notice,
  parseRepositoryReference,
  parseSelection,
  readLock,
} from "../../index.ts";
import type { Action, CliContext, Command } from "../command.ts";
import type { FLAGS } from "../commands/pull.ts";
import { EXIT_DONE } from "../exit-code.ts";
import { toBundleOptions } from "../options/bundle.ts";
import { type ConfigKeys, configKeysOf } from "../options/config-keys.ts";
import { configSchema } from "../options/config-schema.ts";
import { type FlagValues, resolveFlags } from "../options/flag.ts";
import { type REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import type { Config } from "../options/parse-config.ts";
import { readConfig } from "../options/read-config.ts";
import { readImageLists } from "../options/read-image-lists.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { toWishes } from "../options/selection.ts";
import {
  type CheckedBundle,
  type ConfigReport,
  renderConfig,
} from "../output/reports/config-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";

const CONFIG_MEDIA_TYPE = "application/vnd.airgap-mirror.config.v1+json";

export function createConfigAction(commands: readonly Command[]): Action<typeof REPORT_FLAGS> {
  const keys = configKeysOf(commands);
  return async ({ flags, positionals }, context) => {
    const action = positionals["action"];
    if (action === "schema") {
      context.stdout.write(`${JSON.stringify(configSchema(keys), null, 2)}\n`);
      return EXIT_DONE;
    }
    if (action !== "check") {
      throw new UsageError(`Cannot do "${action}" with a configuration`, {
        hint: "Use check or schema",
      });
    }
    const path = positionals["file"] || flags.config || context.env["MIRROR_CONFIG"];
    if (!path) throw new UsageError("Argument missing: mirror config check <file>");
    const report = await check(path, { keys, context });
    const { result } = toOutputOptions(flags, context);
    printResult(report, { ...context, result, text: renderConfig });
    return EXIT_DONE;
  };
}

/** Everything that can be found out about a file without asking a registry. */
async function check(
  path: string,
  { keys, context }: { readonly keys: ConfigKeys; readonly context: CliContext },
): Promise<ConfigReport> {
  const config = await readConfig({ path, keys, env: context.env });
  const problems: string[] = [];
  const bundles: CheckedBundle[] = [];
  for (const one of bundlesOf(config)) {
    try {
      const flags = resolveFlags(Object.fromEntries(keys.bundle), {
        argv: {},
        env: context.env,
        config: { ...config.settings, ...one.settings },
      });
      bundles.push(await checkBundle(one.bundle, flags as FlagValues<typeof FLAGS>, context));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      problems.push(`${one.bundle}: ${context.inFlags(error.message)}`);
    }
  }
  if (problems.length > 0) {
    throw new UsageError(`Cannot use configuration file "${path}"`, { details: problems });
  }
  return {
    schemaVersion: 1,
    mediaType: CONFIG_MEDIA_TYPE,
    path,
    settings: maskSecrets(config.settings),
    bundles,
    notices: context.notices,
  };
}

/** Without a list, the file is for the one bundle that is named on the command line. */
function bundlesOf({ bundles, settings }: Config): Config["bundles"] {
  if (bundles.length > 0) return bundles;
  const wishes = [
    "source",
    "include-image",
    "images-from",
    "plan",
    "include-chart",
    "include-file",
  ];
  return wishes.some((key) => key in settings) ? [{ bundle: "<bundle>", settings: {} }] : [];
}

async function checkBundle(
  bundle: string,
  flags: FlagValues<typeof FLAGS>,
  context: CliContext,
): Promise<CheckedBundle> {
  toBundleOptions(flags);
  toRegistryOptions(flags);
  if (flags.plan !== undefined) {
    const lock = await readLock(flags.plan);
    return { bundle, lock: flags.plan, selection: lock.selection, notices: [] };
  }
  const lists = flags["images-from"] ?? [];
  const { selection, notices } = parseSelection(
    toWishes(
      flags,
      await readImageLists(
        lists.filter((list) => list !== "-"),
        context.stdin,
      ),
    ),
  );
  if (flags.source !== undefined) parseRepositoryReference(flags.source);
  const told: readonly Notice[] = context.inFlags(notices);
  return { bundle, selection: describeSelection(selection), notices: told };
}

const SECRET = /password|license|token|upstream/;

function maskSecrets(settings: Readonly<Record<string, unknown>>) {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, isSecret(key, value) ? "***" : value]),
  );
}

/** That a password comes by stdin is none. */
function isSecret(key: string, value: unknown): boolean {
  return SECRET.test(key) && typeof value !== "boolean";
}
