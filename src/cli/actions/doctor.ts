import {
  createCredentials,
  type DoctorReport,
  diagnose,
  parseByteSize,
  parseRepositoryReference,
  type RegistryEvent,
} from "../../index.ts";
import type { Action, CliContext, CommandArguments } from "../command.ts";
import type { FLAGS } from "../commands/doctor.ts";
import { exitCodeOfChecks } from "../exit-code.ts";
import { toOutputOptions } from "../options/output.ts";
import { toRegistryOptions } from "../options/registry.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { renderRegistryEvent } from "../output/progress/registry-line.ts";
import { renderDoctorReport } from "../output/reports/doctor-report.ts";
import { printResult } from "../output/result.ts";
import { toSurroundings } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

export const runDoctorCommand: Action<typeof FLAGS> = async (given, context) => {
  const report = await runDoctor(given, context);
  const { result } = toOutputOptions(given.flags, context);
  printResult(report, { ...context, result, text: renderDoctorReport });
  return exitCodeOfChecks(report.checks);
};

async function runDoctor(
  { flags, positionals }: CommandArguments<typeof FLAGS>,
  context: CliContext,
): Promise<DoctorReport> {
  const { progress, debug } = toOutputOptions(flags, context);
  const target = parseRepositoryReference(positionals["repository"] ?? "");
  const login = await readLogin(flags, target.registry, context);
  const probeSize = flags["probe-size"];
  using renderer = openRenderer(progress, context);
  const onEvent = (event: RegistryEvent) => {
    const line = renderRegistryEvent(context.inFlags(event), { debug });
    if (line !== undefined) renderer.onLine(line);
  };
  const given = login && {
    login: login.username,
    password: login.password,
    registry: target.registry,
    origin: "--username",
  };
  const authFile = flags.authfile;
  const surroundings = toSurroundings(context.env);
  return await diagnose({
    ...toRegistryOptions(flags),
    ...surroundings,
    target,
    push: flags["pull-only"] !== true,
    ...(probeSize === undefined
      ? {}
      : {
          probeSizeBytes: parseByteSize(probeSize, { defaultUnit: "B", option: "probeSizeBytes" }),
        }),
    credentials: createCredentials({ ...surroundings, ...given, authFile, onEvent }),
    onEvent,
    signal: context.signal,
  });
}
