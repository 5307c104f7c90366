import { Writable } from "node:stream";
import { isAbortError, parseRepositoryReference } from "../index.ts";
import type { Action, CliContext, Command } from "./command.ts";
import { EXIT_DIFFERENT, EXIT_DONE, EXIT_PARTIAL, exitCodeOf } from "./exit-code.ts";
import { SOURCE_LOGIN_FLAGS } from "./options/credentials.ts";
import { type FlagSources, resolveFlags } from "./options/flag.ts";
import { type OutputOptions, toOutputOptions } from "./options/output.ts";
import type { Config, ConfigBundle } from "./options/parse-config.ts";
import { renderError } from "./output/error.ts";
import { toFailureDocument } from "./output/failure.ts";
import { formatDocument } from "./output/result.ts";
import { sanitize } from "./output/sanitize.ts";
import { UsageError } from "./usage-error.ts";

export interface RunBundlesOptions {
  readonly command: Command;
  readonly config: Config;
  readonly sources: FlagSources;
  readonly context: CliContext;
}

interface BundleRun {
  readonly bundle: string;
  readonly status: number;
  /** Its report, or what it failed of. */
  readonly report?: unknown;
}

const RUNS_MEDIA_TYPE = "application/vnd.airgap-mirror.runs.v1+json";

/** The flags of one bundle of a file: what it says itself goes before what the file says for all. */
function sourcesOf(
  bundle: ConfigBundle,
  { sources, config }: Pick<RunBundlesOptions, "sources" | "config">,
): FlagSources {
  return { ...sources, config: { ...config.settings, ...bundle.settings } };
}

/** A command for every bundle of a file, one after the other; the failure of one does not end the others. */
export async function runBundles(options: RunBundlesOptions): Promise<number> {
  const { command, config, context, sources } = options;
  refuseForAll(options);
  const action = await command.load();
  const output = toOutputOptions(
    resolveFlags(command.flags, { ...sources, config: config.settings }),
    context,
  );
  const runs: BundleRun[] = [];
  for (const bundle of config.bundles) {
    context.stderr.write(`bundle "${sanitize(bundle.bundle)}"\n`);
    runs.push(await runOne(action, bundle, { ...options, output }));
  }
  const failed = runs.filter(({ status }) => status !== EXIT_DONE);
  const summary = {
    schemaVersion: 1,
    mediaType: RUNS_MEDIA_TYPE,
    complete: failed.length === 0,
    runs: output.result === "lines" ? runs.map(({ report: _, ...run }) => run) : runs,
    notices: context.notices,
  };
  const { result } = output;
  if (result === "text") context.stdout.write(renderRuns(runs));
  else context.stdout.write(formatDocument(summary, { type: "result", result }));
  return statusOf(failed);
}

/** That something is new is what was asked, and no failure. */
function statusOf(failed: readonly BundleRun[]): number {
  if (failed.length === 0) return EXIT_DONE;
  return failed.every(({ status }) => status === EXIT_DIFFERENT) ? EXIT_DIFFERENT : EXIT_PARTIAL;
}

async function runOne(
  action: Action,
  bundle: ConfigBundle,
  options: RunBundlesOptions & { readonly output: OutputOptions },
): Promise<BundleRun> {
  const { command, context, output } = options;
  const captured: Buffer[] = [];
  const capture = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      captured.push(chunk);
      done();
    },
  });
  const isDocument = output.result === "document";
  const own = { ...context, stdout: isDocument ? capture : context.stdout, notices: [] };
  const finish = (status: number): BundleRun => {
    const text = Buffer.concat(captured).toString("utf8");
    return { bundle: bundle.bundle, status, ...(text === "" ? {} : { report: JSON.parse(text) }) };
  };
  try {
    const flags = resolveFlags(command.flags, sourcesOf(bundle, options));
    const positionals = { bundle: bundle.bundle };
    return finish(await action({ flags, positionals, rest: [] }, own));
  } catch (error) {
    if (context.signal.aborted || isAbortError(error)) throw error;
    const { debug, result } = output;
    context.stderr.write(renderError(error, { debug, inFlags: context.inFlags }));
    if (result !== "text") {
      own.stdout.write(
        formatDocument(context.inFlags(toFailureDocument(error)), { type: "error", result }),
      );
    }
    return finish(exitCodeOf(error));
  }
}

/** One line for each bundle: what failed is said above. */
function renderRuns(runs: readonly BundleRun[]): string {
  const lines = runs.map(({ bundle, status }) => {
    const known = { [EXIT_DONE]: "done", [EXIT_DIFFERENT]: "something is new" }[status];
    return sanitize(`${bundle}  ${known ?? `failed with status ${status}`}`);
  });
  return `${lines.join("\n")}\n`;
}

/** What makes sense for one bundle only, said for all of them. */
function refuseForAll({ command, config, sources }: RunBundlesOptions): void {
  const shared = resolveFlags(command.flags, { ...sources, config: config.settings });
  const flags = shared as Readonly<Record<string, unknown>>;
  if (config.bundles.length < 2) return;
  for (const name of ["source-password-stdin", "license-stdin", "out", "plan", "watch"]) {
    if (flags[name] === undefined || flags[name] === false) continue;
    throw new UsageError(`Cannot use --${name} for several bundles`, {
      hint: `Name the bundle: mirror ${command.name} ${config.bundles[0]?.bundle ?? "<bundle>"}`,
    });
  }
  const lists = config.bundles.flatMap((bundle) => {
    const own = resolveFlags(command.flags, sourcesOf(bundle, { sources, config }));
    return (own as Readonly<Record<string, unknown>>)["images-from"] ?? [];
  });
  if (lists.filter((list) => list === "-").length > 0) {
    throw new UsageError("Cannot use --images-from - for several bundles: stdin is read once");
  }
  const hosts = new Set(
    config.bundles.flatMap((bundle) => hostOf(command, sourcesOf(bundle, { sources, config }))),
  );
  if (hosts.size < 2) return;
  const login = Object.keys(SOURCE_LOGIN_FLAGS).find((name) => flags[name] !== undefined);
  if (login === undefined) return;
  const shown = [...hosts].join(" and ");
  throw new UsageError(`Cannot use --${login} for several bundles: it would be sent to ${shown}`, {
    hint: 'Give each bundle of the file its own login, or store logins with "mirror login"',
  });
}

function hostOf(command: Command, sources: FlagSources): readonly string[] {
  const flags = resolveFlags(command.flags, sources) as Readonly<Record<string, unknown>>;
  const { source } = flags;
  return typeof source === "string" ? [parseRepositoryReference(source).registry] : [];
}
