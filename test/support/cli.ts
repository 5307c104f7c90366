import { tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type ProcessOptions,
  type ProcessResult,
  type RunningProcess,
  runProcess,
  startProcess,
} from "./run-process.ts";
import { refuseSecrets, refuseWrittenSecrets } from "./secrets.ts";

export interface MirrorOptions {
  readonly cwd?: string | undefined;
  /** Added to an environment without credentials, proxies and settings of this machine. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Runs the built program to its end: `npm run build` has to come first. Rejects if a secret gets out. */
export function runMirror(
  args: readonly string[],
  options: MirrorOptions = {},
): Promise<ProcessResult> {
  return runProcess(process.execPath, [MAIN, ...args], withSurroundings(args, options));
}

/** Starts the built program, for tests that interrupt it. */
export function startMirror(
  args: readonly string[],
  options: MirrorOptions = {},
): Promise<RunningProcess> {
  return startProcess(process.execPath, [MAIN, ...args], withSurroundings(args, options));
}

export const MAIN = fileURLToPath(new URL("../../dist/mirror.js", import.meta.url));

function withSurroundings(
  args: readonly string[],
  { env, ...options }: MirrorOptions,
): ProcessOptions {
  const { PATH, TMPDIR } = process.env;
  const nowhere = "/nonexistent";
  // Runs of different tests must not spare each other requests
  const cache = { MIRROR_NO_CACHE: "true" };
  const whole = { PATH, TMPDIR, HOME: nowhere, DOCKER_CONFIG: nowhere, ...cache, ...env };
  // the clock of files is behind this one by less than a millisecond or by a few, never ahead
  const since = performance.timeOrigin + performance.now();
  const search = {
    directories: directoriesOf(args, options.cwd, whole),
    except: args[0] === "login" || args[0] === "logout" ? loginFilesOf(args, whole) : [],
    since,
  };
  const inspect = async ({ stdout, stderr }: ProcessResult) => {
    refuseSecrets(stdout, `stdout of mirror ${args[0]}`);
    refuseSecrets(stderr, `stderr of mirror ${args[0]}`);
    await refuseWrittenSecrets(search);
  };
  return { ...options, env: whole, inspect };
}

type Variables = Readonly<Record<string, string | undefined>>;

/** Where the program may have written: its bundle, beside it, and the state of the user. */
function directoriesOf(
  args: readonly string[],
  cwd: string | undefined,
  { HOME, XDG_STATE_HOME }: Variables,
): readonly string[] {
  const named = args.map((word) =>
    isAbsolute(word) ? word : resolve(cwd ?? "/nonexistent", word),
  );
  const places = [cwd, HOME, XDG_STATE_HOME, ...named];
  return places.filter(
    (place) => place !== undefined && `${place}/`.startsWith(`${tmpdir()}/`),
  ) as string[];
}

function loginFilesOf(args: readonly string[], env: Variables): readonly string[] {
  const flag = args.indexOf("--authfile");
  const { DOCKER_CONFIG, HOME = "", REGISTRY_AUTH_FILE } = env;
  return [
    ...(flag < 0 ? [] : [args[flag + 1]]),
    REGISTRY_AUTH_FILE,
    join(DOCKER_CONFIG ?? join(HOME, ".docker"), "config.json"),
  ].filter((path) => path !== undefined);
}
