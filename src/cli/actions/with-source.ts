import {
  formatReference,
  type Notice,
  type PlanPullOptions,
  parseRepositoryReference,
  parseSelection,
  type RegistryClient,
  type RepositoryReference,
  readLock,
  SelectionInvalidError,
  type Wishes,
} from "../../index.ts";
import type { CliContext } from "../command.ts";
import { askPassword } from "../options/ask-password.ts";
import {
  noticesOfPasswords,
  type SOURCE_LOGIN_FLAGS,
  toSourceLogin,
} from "../options/credentials.ts";
import { noticesOfEnvironment } from "../options/environment.ts";
import type { FlagValues } from "../options/flag.ts";
import type { LOCK_FLAGS } from "../options/lock.ts";
import { type OUTPUT_FLAGS, toOutputOptions } from "../options/output.ts";
import { readImageLists } from "../options/read-image-lists.ts";
import type { REGISTRY_FLAGS } from "../options/registry.ts";
import { type SELECTION_FLAGS, toWishes } from "../options/selection.ts";
import type { SIGNATURE_FLAGS } from "../options/signatures.ts";
import { readSecret } from "../options/stdin.ts";
import { openRenderer } from "../output/progress/open-renderer.ts";
import { UsageError } from "../usage-error.ts";
import { requireSameWishes, requireSource, wishesBeside } from "./check-lock.ts";
import { openClient } from "./open-client.ts";
import { toSignatureOptions } from "./signature-options.ts";

export type SourceFlags = FlagValues<
  typeof SELECTION_FLAGS &
    typeof LOCK_FLAGS &
    typeof SOURCE_LOGIN_FLAGS &
    typeof SIGNATURE_FLAGS &
    typeof REGISTRY_FLAGS &
    typeof OUTPUT_FLAGS
>;

type SelectingFlags = FlagValues<typeof SELECTION_FLAGS & typeof SOURCE_LOGIN_FLAGS>;

/**
 * Reads what `pull` and `plan` have in common, opens the source, does the work and closes everything. The work is told
 * the notices about the flags themselves; they are shown already.
 */
export async function withSource<Result>(
  flags: SourceFlags,
  { bundlePath, context }: { readonly bundlePath: string; readonly context: CliContext },
  work: (
    options: PlanPullOptions,
    notices: readonly Notice[],
    client: RegistryClient,
  ) => Promise<Result>,
): Promise<Result> {
  const { progress, debug } = toOutputOptions(flags, context);
  const { wishes, source, notices } = await readWishes(flags, context);
  const signatureOptions = await toSignatureOptions(flags);
  const registry = source?.registry;
  const login = await readSourceLogin(flags, registry, context);
  using renderer = openRenderer(progress, context);
  const told: readonly Notice[] = [
    ...noticesOfEnvironment(context.env),
    ...noticesOfPasswords(flags, context.env),
    ...notices,
    ...(login !== undefined && registry === undefined ? [LOGIN_UNUSED] : []),
  ];
  for (const notice of told) renderer.onEvent({ type: "notice", ...notice });
  await using client = openClient({
    flags,
    registry,
    login,
    renderer,
    debug,
    context,
  });
  const options: PlanPullOptions = {
    bundlePath,
    ...wishes,
    ...signatureOptions,
    openSource: (reference) => client.repository(reference),
    web: client.web,
    signal: context.signal,
    onEvent: renderer.onEvent,
  };
  return await work(options, [...context.notices, ...told], client);
}

/** A login is for one host: without a source nobody says which one. */
const LOGIN_UNUSED = {
  code: "LOGIN_UNUSED",
  message: "The login is for --source, and there is none: images are pulled with stored logins",
} as const;

/** The login at the source, by flags, stdin or a question. */
export async function readSourceLogin(
  flags: SelectingFlags,
  registry: string | undefined,
  context: CliContext,
) {
  const secretFromStdin = isSecretPiped(flags) ? await readSecret(context.stdin) : undefined;
  const ask = (login: string) =>
    askPassword(`Password of "${login}" at ${registry ?? "the source"}: `, context);
  return await toSourceLogin(flags, { env: context.env, secretFromStdin, ask });
}

/** What flags ask for. */
export async function readSelection(flags: SelectingFlags, { stdin }: CliContext) {
  const lists = flags["images-from"] ?? [];
  if (isSecretPiped(flags) && lists.includes("-")) {
    throw new UsageError("Cannot read both a secret and the image list from stdin");
  }
  return parseSelection(toWishes(flags, await readImageLists(lists, stdin)));
}

interface ReadWishes {
  readonly wishes: Wishes;
  readonly source: RepositoryReference | undefined;
  /** About the flags. */
  readonly notices: readonly Notice[];
}

/** The selection that flags ask for, or the lock that they name: what else they say must not be against it. */
async function readWishes(flags: SourceFlags, context: CliContext): Promise<ReadWishes> {
  const path = flags.plan;
  if (path === undefined) {
    const { selection, notices } = await readSelection(flags, context);
    return { wishes: { selection }, source: selection.source, notices };
  }
  const lock = await readLock(path);
  if (flags.source !== undefined) {
    requireSource(lock, { path, source: formatReference(parseRepositoryReference(flags.source)) });
  }
  const beside = wishesBeside(flags);
  if (beside.length > 0) {
    const source = flags.source ?? lock.source;
    const read = await readSelection({ ...flags, source }, context).catch(orNone);
    const selection = read?.selection;
    requireSameWishes(lock, { path, selection, flags: beside });
  }
  return { wishes: { lock }, source: lock.selection.source, notices: [] };
}

function orNone(error: unknown): undefined {
  if (!(error instanceof SelectionInvalidError)) throw error;
  return undefined;
}

function isSecretPiped(flags: SelectingFlags): boolean {
  return Boolean(flags["source-password-stdin"] || flags["license-stdin"]);
}
