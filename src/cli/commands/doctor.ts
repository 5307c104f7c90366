import {
  createCredentials,
  type DoctorReport,
  diagnose,
  parseByteSize,
  parseRepositoryReference,
  type RegistryEvent,
} from "../../index.ts";
import type { CliContext, Command, CommandArguments } from "../command.ts";
import { exitCodeOfChecks } from "../exit-code.ts";
import type { FlagTable } from "../options/flag.ts";
import { LOGIN_FLAGS } from "../options/login.ts";
import { REPORT_FLAGS, toOutputOptions } from "../options/output.ts";
import { REGISTRY_FLAGS, toRegistryOptions } from "../options/registry.ts";
import { renderDoctorReport } from "../output/doctor-report.ts";
import { openRenderer } from "../output/open-renderer.ts";
import { renderRegistryEvent } from "../output/registry-line.ts";
import { printResult } from "../output/result.ts";
import { toSurroundings } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

const FLAGS = {
  "probe-size": {
    type: "string",
    describe: "Largest request body that is tried (default: what push sends, 40MiB)",
    group: "Checks:",
  },
  "pull-only": {
    type: "boolean",
    describe: "Do not ask for anything that needs the permission to push",
    group: "Checks:",
  },
  ...LOGIN_FLAGS,
  ...REGISTRY_FLAGS,
  "retry-timeout": {
    ...REGISTRY_FLAGS["retry-timeout"],
    describe: "How long to go on trying one thing: 90s, 15m (default: 5s)",
  },
  ...REPORT_FLAGS,
} as const satisfies FlagTable;

export const DOCTOR_COMMAND: Command<typeof FLAGS> = {
  name: "doctor",
  describe: "Try what pull and push need of a registry, and say what does not work",
  positionals: [{ name: "repository", describe: "registry/repository to look at" }],
  flags: FLAGS,
  examples: ["mirror doctor registry.local/mirror --ca-file ca.pem"],
  resumeHint: "Run the same command again",
  async run(given, context) {
    const report = await runDoctor(given, context);
    const { result } = toOutputOptions(given.flags, context);
    printResult(report, { ...context, result, text: renderDoctorReport });
    return exitCodeOfChecks(report.checks);
  },
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
