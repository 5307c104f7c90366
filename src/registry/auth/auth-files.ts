import { homedir } from "node:os";
import { join } from "node:path";

export interface AuthFilesOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly homeDirectory?: string | undefined;
  /** Asked before all others, as `REGISTRY_AUTH_FILE` is. */
  readonly authFile?: string | undefined;
  /** Default: those of the process. */
  readonly platform?: NodeJS.Platform | undefined;
  readonly userId?: number | undefined;
}

/** A place for credentials: a file, or the text that a variable holds. */
export interface AuthFile {
  /** In words for the user. */
  readonly origin: string;
  readonly path?: string;
  readonly text?: string;
  /** By a flag or a variable: it should be there. */
  readonly isNamed?: boolean;
}

/** Where Docker and Podman keep logins, in the order in which they are asked. */
export function listAuthFiles(options: AuthFilesOptions = {}): readonly AuthFile[] {
  const { env = process.env, homeDirectory: home = homedir() } = options;
  const { platform = process.platform, userId = process.getuid?.() } = options;
  const named = options.authFile ?? env["REGISTRY_AUTH_FILE"];
  const text = env["DOCKER_AUTH_CONFIG"];
  const runtime =
    env["XDG_RUNTIME_DIR"] || (platform === "linux" ? `/run/containers/${userId ?? 0}` : undefined);
  // without XDG_RUNTIME_DIR the path has no `containers` of its own
  const runtimePath = env["XDG_RUNTIME_DIR"] ? ["containers", "auth.json"] : ["auth.json"];
  const paths = [
    ...(runtime === undefined ? [] : [join(runtime, ...runtimePath)]),
    join(env["XDG_CONFIG_HOME"] || join(home, ".config"), "containers/auth.json"),
    dockerConfigPath(env, home),
    join(home, ".dockercfg"),
  ];
  return [
    ...(named ? [{ ...fileAt(named), isNamed: true }] : []),
    ...(text ? [{ origin: "DOCKER_AUTH_CONFIG", text }] : []),
    ...paths.map(fileAt),
  ];
}

/** The file that `docker login` writes. */
export function dockerConfigPath(env: NodeJS.ProcessEnv, home: string): string {
  return join(env["DOCKER_CONFIG"] || join(home, ".docker"), "config.json");
}

function fileAt(path: string): AuthFile {
  return { origin: `"${path}"`, path };
}
