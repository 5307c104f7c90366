import {
  type ExportOptions,
  type ExportReport,
  exportBundle,
  parseReference,
  type RepositoryReference,
} from "../../index.ts";
import type { CliContext } from "../command.ts";
import type { FLAGS } from "../commands/export.ts";
import type { FlagValues } from "../options/flag.ts";
import { toOutputOptions } from "../options/output.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { UsageError } from "../usage-error.ts";
import { openClient } from "./open-client.ts";
import { readLogin } from "./read-login.ts";

type NamedOptions = ExportOptions & Required<Pick<ExportOptions, "references">>;

interface Surroundings {
  readonly flags: FlagValues<typeof FLAGS>;
  readonly context: CliContext;
}

/** An export with images of registries in it: a file of its own, for others need no client. */
export async function exportFromRegistries(
  options: NamedOptions,
  { flags, context }: Surroundings,
): Promise<ExportReport> {
  const { references: names = [] } = options;
  const registries = [...new Set(names.map((text) => parseReference(text).registry))];
  const [registry = ""] = registries;
  if (flags.username !== undefined && registries.length > 1) {
    throw new UsageError(`Cannot use one login for ${registries.join(", ")}`, {
      hint: "Log in to each of them with mirror login, or export them one by one",
    });
  }
  const { progress, debug } = toOutputOptions(flags, context);
  const given = await readLogin(flags, registry, context);
  const login = given && { login: given.username, password: given.password, origin: "--username" };
  using renderer = openRenderer(progress, context);
  await using client = openClient({ flags, registry, login, renderer, debug, context });
  const openSource = (repository: RepositoryReference) => client.repository(repository);
  return await exportBundle({ ...options, openSource });
}
