import { stat } from "node:fs/promises";
import {
  type ComparedPlace,
  compareContents,
  type DiffReport,
  parseRepositoryReference,
} from "../../index.ts";
import type { Action, CliContext } from "../command.ts";
import type { FLAGS } from "../commands/diff.ts";
import { EXIT_DIFFERENT, EXIT_DONE } from "../exit-code.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderDiffMarkdown } from "../output/reports/diff-markdown.ts";
import { renderDiff } from "../output/reports/diff-report.ts";
import { printResult } from "../output/result.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

export const runDiffCommand: Action<typeof FLAGS> = async ({ flags, positionals }, context) => {
  const left = await placeOf(positionals["left"] ?? "");
  const right = await placeOf(positionals["right"] ?? "");
  const report = await compare({ left, right }, flags, context);
  const { result } = toOutputOptions(flags, context);
  const isWhole = flags["verbose-summary"] ?? false;
  const render = flags.markdown ? renderDiffMarkdown : renderDiff;
  const text = (shown: DiffReport) => render(shown, { isWhole });
  printResult(report, { ...context, result, text });
  return flags["exit-code"] && !report.isSame ? EXIT_DIFFERENT : EXIT_DONE;
};

interface Places {
  readonly left: ComparedPlace;
  readonly right: ComparedPlace;
}

async function compare(
  places: Places,
  flags: FlagValues<typeof FLAGS>,
  context: CliContext,
): Promise<DiffReport> {
  const { progress, debug } = toOutputOptions(flags, context);
  const registry = loginHostOf(places);
  const login = await readLogin(flags, registry ?? "the registry", context);
  if (login !== undefined && registry === undefined) {
    throw new UsageError("Cannot use --username: it is for one registry, and there is not one", {
      hint: 'Store the logins of several registries with "mirror login"',
    });
  }
  using renderer = openRenderer(progress, context);
  await using client = openClient({
    flags,
    registry,
    login: login && { login: login.username, password: login.password, origin: "--username" },
    renderer,
    debug,
    context,
  });
  const report = await compareContents({
    ...places,
    openTarget: client.repository,
    listRepositories: (host, options) => client.registry(host).listRepositories(options),
    modulesPathSuffix: flags["modules-path-suffix"],
    signal: context.signal,
    onNotice: (notice) => renderer.onEvent({ type: "notice", ...notice }),
  });
  return { ...report, notices: [...context.notices, ...report.notices] };
}

function loginHostOf({ left, right }: Places): string | undefined {
  const hosts = [left, right].flatMap((place) =>
    place.kind === "target" ? [place.target.registry] : [],
  );
  return new Set(hosts).size === 1 ? hosts[0] : undefined;
}

/** What is on this disk is meant before what a registry may have. */
async function placeOf(text: string): Promise<ComparedPlace> {
  const found = await stat(text).catch(() => undefined);
  if (found?.isDirectory()) return { kind: "bundle", path: text };
  if (found !== undefined) {
    const isLock = found.isFIFO() || /\.json$/i.test(text);
    return { kind: isLock ? "lock" : "bundle", path: text };
  }
  if (/^\.{0,2}\/|\.json$|\.tar$/.test(text) || !text.includes("/")) {
    throw new UsageError(`Cannot compare "${text}": there is no such file or directory`, {
      hint: "Name a lock, a bundle, or a target as registry/repository",
    });
  }
  return { kind: "target", target: parseRepositoryReference(text) };
}
