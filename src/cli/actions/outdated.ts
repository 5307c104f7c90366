import {
  type ComparedPlace,
  type FindOutdatedOptions,
  findOutdated,
  type Notice,
  type OutdatedReport,
  parseRepositoryReference,
  readRecordedSelection,
  watchOutdated,
} from "../../index.ts";
import type { Action, CliContext } from "../command.ts";
import type { FLAGS } from "../commands/outdated.ts";
import { EXIT_DIFFERENT, EXIT_DONE, exitCodeOfOutcome } from "../exit-code.ts";
import { toCacheOptions } from "../options/bundle.ts";
import { parseDuration } from "../options/duration.ts";
import { noticesOfEnvironment } from "../options/environment.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderOutdated } from "../output/reports/outdated-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { wishesBeside } from "./check-lock.ts";
import { LOOKING_RATE, openClient } from "./open-client.ts";
import { readSelection, readSourceLogin } from "./with-source.ts";

type Flags = FlagValues<typeof FLAGS>;

export const runOutdatedCommand: Action<typeof FLAGS> = async ({ flags, positionals }, context) => {
  const against = placeOf(flags, positionals["bundle"]);
  const isAsked = flags.source !== undefined || wishesBeside(flags).length > 0;
  const parsed = isAsked ? await readSelection(flags, context) : undefined;
  const selection = parsed?.selection ?? (await readRecordedSelection(against));
  const registry = selection?.source?.registry;
  const login = await readSourceLogin(flags, registry, context);
  const { progress, debug } = toOutputOptions(flags, context);
  using renderer = openRenderer(progress, context);
  const told = [...noticesOfEnvironment(context.env), ...(parsed?.notices ?? [])];
  for (const notice of told) renderer.onEvent({ type: "notice", ...notice });
  await using client = openClient({
    ...{ flags, registry, login, renderer, debug, context },
    usualRequestsPerSecond: LOOKING_RATE,
  });
  const options: FindOutdatedOptions = {
    ...toCacheOptions(flags, context.env),
    against,
    selection,
    openSource: client.repository,
    openTarget: client.repository,
    listRepositories: (host, given) => client.registry(host).listRepositories(given),
    modulesPathSuffix: against.kind === "target" ? undefined : flags["modules-path-suffix"],
    web: client.web,
    signal: context.signal,
    onEvent: renderer.onEvent,
  };
  const notices = [...context.notices, ...told];
  const shown = { flags, context, notices, endProgress: () => renderer[Symbol.dispose]() };
  if (flags.watch !== undefined) return await watch(options, shown);
  const report = await findOutdated(options);
  shown.endProgress();
  return show(report, shown);
};

interface Shown {
  readonly flags: Flags;
  readonly context: CliContext;
  readonly notices: readonly Notice[];
  /** The report is the last that is said. */
  readonly endProgress: () => void;
}

/** Ends with a signal, or when something is new and that is what is waited for. */
async function watch(options: FindOutdatedOptions, shown: Shown): Promise<number> {
  const { flags } = shown;
  const everyMs = parseDuration(flags.watch ?? "", "watch");
  if (everyMs < 1000) throw new UsageError("Cannot use --watch: it is less than a second");
  for await (const report of watchOutdated({ ...options, everyMs })) {
    const isLast = flags["exit-code"] === true && report.isOutdated;
    if (isLast) shown.endProgress();
    const status = show(report, shown);
    if (isLast) return status;
  }
  return EXIT_DONE;
}

function show(report: OutdatedReport, { flags, context, notices }: Shown): number {
  const { result } = toOutputOptions(flags, context);
  const whole = { ...report, notices: [...notices, ...report.notices] };
  printResult(whole, { ...context, result, text: renderOutdated });
  if (flags["exit-code"] && report.isOutdated) return EXIT_DIFFERENT;
  const isWhole = report.failures.length === 0;
  return isWhole || flags["exit-code"] ? EXIT_DONE : exitCodeOfOutcome({ complete: false });
}

/** A file that lists bundles names one for each run, unless flags name something else. */
function placeOf({ lock, target, ...flags }: Flags, listed: string | undefined): ComparedPlace {
  const isNamed = lock !== undefined || target !== undefined;
  const bundle = flags.bundle ?? (isNamed ? undefined : listed);
  const places: ComparedPlace[] = [
    ...(bundle === undefined ? [] : [{ kind: "bundle", path: bundle } as const]),
    ...(lock === undefined ? [] : [{ kind: "lock", path: lock } as const]),
    ...(target === undefined
      ? []
      : [{ kind: "target", target: parseRepositoryReference(target) } as const]),
  ];
  const [place, ...others] = places;
  if (place !== undefined && others.length === 0) return place;
  throw new UsageError(
    place === undefined
      ? "Nothing to compare with is named"
      : "More than one is named to compare with",
    { hint: "Give --bundle DIR, --lock FILE or --target REGISTRY/REPOSITORY" },
  );
}
